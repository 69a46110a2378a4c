{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- /* Pods of managed namespaces: what those may do that are not jobs', and who gets into those that are. */ -}}

{{- /* Jobs' pods have hostPath volumes and what was approved, so the namespace cannot have a pod security level; every other pod is
       held to "restricted" of Kubernetes 1.35 here, without its exceptions for Windows and for hostUsers: false. Nodes report their
       static pods; those are on the node already. */ -}}
{{- define "dlworkspace.policies.restricted-pods" -}}
matchConstraints:
  {{- include "dlworkspace.policies.managed" . | nindent 2 }}
  resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods]
    operations: [CREATE]
    scope: Namespaced
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods/ephemeralcontainers]
    operations: [UPDATE]
    scope: Namespaced
matchConditions:
{{ include "dlworkspace.policies.notOperator" . }}
- name: not-a-node
  expression: >-
    !(request.userInfo.username.startsWith('system:node:') && has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups)
# To that nobody adds any, and says so in other words.
- name: not-a-container-for-a-job
  expression: "!has(request.subResource) || !('dlworkspace.io/job-uid' in object.metadata.?labels.orValue({}))"
variables:
- name: containers
  expression: object.spec.containers + object.spec.?initContainers.orValue([]) + object.spec.?ephemeralContainers.orValue([])
- name: context
  expression: object.spec.?securityContext.orValue({})
# The pod's, and each container's.
- name: contexts
  expression: "[variables.context] + variables.containers.map(c, c.?securityContext.orValue({}))"
- name: volumes
  expression: object.spec.?volumes.orValue([])
validations:
- expression: >-
    variables.contexts.all(s, !s.?privileged.orValue(false) && !s.?windowsOptions.?hostProcess.orValue(false))
  message: pods here run without privileges; submit a DLJob with spec.permissions.privileged, which can be approved
  reason: Forbidden
- expression: >-
    !object.spec.?hostNetwork.orValue(false) && !object.spec.?hostPID.orValue(false) && !object.spec.?hostIPC.orValue(false)
  message: pods here have no part of the node (hostNetwork, hostPID, hostIPC); submit a DLJob with spec.permissions, which can be approved
  reason: Forbidden
- expression: >-
    variables.volumes.all(v, has(v.configMap) || has(v.csi) || has(v.downwardAPI) || has(v.emptyDir) || has(v.ephemeral) ||
    has(v.image) || has(v.persistentVolumeClaim) || has(v.projected) || has(v.secret))
  message: >-
    volumes here are configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected or secret; for a folder
    of the node submit a DLJob with spec.storage or spec.permissions.hostPaths
  reason: Forbidden
- expression: variables.volumes.all(v, !has(v.persistentVolumeClaim) || !v.persistentVolumeClaim.claimName.startsWith('dlws-'))
  message: claims named dlws-… are for jobs; submit a DLJob with spec.storage
  reason: Forbidden
- expression: >-
    variables.containers.all(c, c.?ports.orValue([]).all(p, p.?hostPort.orValue(0) == 0)) &&
    variables.containers.all(c, [c.?livenessProbe, c.?readinessProbe, c.?startupProbe, c.?lifecycle.?postStart, c.?lifecycle.?preStop].all(h,
    h.?httpGet.?host.orValue('') == '' && h.?tcpSocket.?host.orValue('') == ''))
  message: leave out hostPort, and host in probes and lifecycle hooks; a Service leads to a port of the pod
  reason: Forbidden
- expression: >-
    variables.containers.all(c, 'ALL' in c.?securityContext.?capabilities.?drop.orValue([]) &&
    c.?securityContext.?capabilities.?add.orValue([]).all(a, a == 'NET_BIND_SERVICE'))
  message: "write securityContext: {capabilities: {drop: [ALL]}} in every container; only NET_BIND_SERVICE can be added"
  reason: Forbidden
- expression: variables.containers.all(c, !c.?securityContext.?allowPrivilegeEscalation.orValue(true))
  message: "write securityContext: {allowPrivilegeEscalation: false} in every container"
  reason: Forbidden
- expression: >-
    variables.context.?runAsNonRoot.orValue(true) && variables.containers.all(c,
    c.?securityContext.?runAsNonRoot.orValue(variables.context.?runAsNonRoot.orValue(false))) &&
    variables.contexts.all(s, s.?runAsUser.orValue(1) != 0)
  message: "write securityContext: {runAsNonRoot: true} in the pod, and no runAsUser: 0"
  reason: Forbidden
- expression: >-
    variables.contexts.all(s, s.?seccompProfile.?type.orValue('RuntimeDefault') in ['RuntimeDefault', 'Localhost']) &&
    (has(variables.context.seccompProfile) || variables.containers.all(c, c.?securityContext.?seccompProfile.hasValue()))
  message: "write securityContext: {seccompProfile: {type: RuntimeDefault}} in the pod"
  reason: Forbidden
- expression: >-
    variables.contexts.all(s, s.?appArmorProfile.?type.orValue('RuntimeDefault') in ['RuntimeDefault', 'Localhost'] &&
    s.?seLinuxOptions.?type.orValue('') in ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'] &&
    s.?seLinuxOptions.?user.orValue('') == '' && s.?seLinuxOptions.?role.orValue('') == '' &&
    s.?procMount.orValue('Default') == 'Default') &&
    object.metadata.?annotations.orValue({}).all(k, !k.startsWith('container.apparmor.security.beta.kubernetes.io/') ||
    object.metadata.annotations[k] in ['', 'runtime/default'] || object.metadata.annotations[k].startsWith('localhost/'))
  message: leave out AppArmor and SELinux settings and procMount, or write those of the restricted pod security standard
  reason: Forbidden
- expression: >-
    variables.context.?sysctls.orValue([]).all(y, y.name in ['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range',
    'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_local_reserved_ports',
    'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes',
    'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'])
  message: leave out sysctls, or write those of the restricted pod security standard
  reason: Forbidden
- expression: has(request.subResource) || object.spec.?nodeName.orValue('') == ''
  message: spec.nodeName is the scheduler's; write spec.nodeSelector instead
  reason: Forbidden
{{- end -}}

{{- /* The submitter's alone. The object of a CONNECT is its options, so the job is known by the pod's name; proxies also take
       `scheme:name:port`. */ -}}
{{- define "dlworkspace.policies.exec" -}}
paramKind: {apiVersion: dlworkspace.io/v1, kind: DLJob}
matchConstraints:
  {{- include "dlworkspace.policies.managed" . | nindent 2 }}
  resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods/exec, pods/attach, pods/portforward, pods/proxy, services/proxy]
    operations: [CONNECT]
    scope: Namespaced
validations:
- expression: >-
    request.name.split(':').all(n, n != params.metadata.name && !(n.startsWith(params.metadata.name + '-') &&
    n.substring(params.metadata.name.size() + 1).matches('^[a-z][a-z0-9]*-[0-9]+-[0-9]+$'))) ||
    (has(params.spec.submittedBy) && params.spec.submittedBy.username == request.userInfo.username &&
    (!has(params.spec.submittedBy.uid) || !has(request.userInfo.uid) || params.spec.submittedBy.uid == request.userInfo.uid))
    {{- if .Values.policies.execByApprovers }} ||
    authorizer.group('dlworkspace.io').resource('dljobs').namespace(request.namespace).name(params.metadata.name).check('approve').allowed()
    {{- end }}
  message: only who submitted a job{{ if .Values.policies.execByApprovers }} or may approve it{{ end }} gets into its pods; ask them, or read its logs
  reason: Forbidden
{{- end -}}

{{- /* The same of pods that reach their node, by the pod itself: it outlives its job for as long as it takes to end, and
       whoever deleted the job would get in meanwhile. There are few of them; each costs every exec a quarter of a millisecond. */ -}}
{{- define "dlworkspace.policies.exec-host" -}}
paramKind: {apiVersion: v1, kind: Pod}
matchConstraints:
  {{- include "dlworkspace.policies.managed" . | nindent 2 }}
  resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods/exec, pods/attach, pods/portforward, pods/proxy]
    operations: [CONNECT]
    scope: Namespaced
validations:
- expression: >-
    request.name.split(':').all(n, n != params.metadata.name) ||
    params.metadata.?annotations[?'dlworkspace.io/submitted-by'].orValue('') == request.userInfo.username
    {{- if .Values.policies.execByApprovers }} ||
    authorizer.group('dlworkspace.io').resource('dljobs').namespace(request.namespace).check('approve').allowed()
    {{- end }}
  message: only who submitted the job{{ if .Values.policies.execByApprovers }} or may approve it{{ end }} gets into a pod that reaches its node, also while it ends
  reason: Forbidden
{{- end -}}

{{- /* In every namespace, so that taking the label away from one opens no pod that runs. */ -}}
{{- define "dlworkspace.policies.ephemeral-containers" -}}
matchConstraints:
  matchPolicy: Equivalent
  namespaceSelector: {}
  objectSelector:
    matchExpressions:
    - {key: dlworkspace.io/job-uid, operator: Exists}
  resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods/ephemeralcontainers]
    operations: [UPDATE]
    scope: Namespaced
validations:
- expression: "false"
  message: no container is added to a job's pod; exec into it as its submitter, or submit a job whose image has the tools
  reason: Forbidden
{{- end -}}
