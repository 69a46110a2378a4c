{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- /* What belongs to a job is the operator's, and so is what says which namespace has jobs. */ -}}

{{- /* Nobody else makes something that looks like a job's, or changes what is one's. Labels and annotations can be changed through
       pods/status and set through pods/binding too. Cluster administrators are no exception: the operator believes these marks. */ -}}
{{- define "dlworkspace.policies.own-objects" -}}
matchConstraints:
  {{- include "dlworkspace.policies.managed" . | nindent 2 }}
  resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods, pods/binding, bindings, configmaps, secrets, services]
    operations: [CREATE]
    scope: Namespaced
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods, pods/status, pods/resize, configmaps, secrets, services, services/status]
    operations: [UPDATE]
    scope: Namespaced
  - apiGroups: [apps]
    apiVersions: [v1]
    resources: [controllerrevisions]
    operations: [CREATE, UPDATE]
    scope: Namespaced
matchConditions:
{{ include "dlworkspace.policies.notOperator" . }}
variables:
# Of several kinds, so they are not checked against any one of them.
- name: new
  expression: dyn(object)
- name: old
  expression: dyn(oldObject)
- name: labels
  expression: object.metadata.?labels.orValue({})
- name: oldLabels
  expression: "oldObject == null ? {} : oldObject.metadata.?labels.orValue({})"
- name: annotations
  expression: object.metadata.?annotations.orValue({})
- name: oldAnnotations
  expression: "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})"
- name: jobs
  expression: object.metadata.?ownerReferences.orValue([]).filter(o, o.kind == 'DLJob' && o.apiVersion.startsWith('dlworkspace.io/'))
- name: oldJobs
  expression: >-
    oldObject == null ? [] :
    oldObject.metadata.?ownerReferences.orValue([]).filter(o, o.kind == 'DLJob' && o.apiVersion.startsWith('dlworkspace.io/'))
- name: ours
  expression: variables.oldJobs.size() > 0 || variables.oldLabels.exists(k, k.startsWith('dlworkspace.io/'))
# Of what is a job's all owners stay: another one would keep it, or take it away with itself.
- name: owners
  expression: "variables.ours ? object.metadata.?ownerReferences.orValue([]) : variables.jobs"
- name: oldOwners
  expression: "variables.ours ? oldObject.metadata.?ownerReferences.orValue([]) : variables.oldJobs"
validations:
- expression: >-
    variables.labels.all(k, !k.startsWith('dlworkspace.io/') ||
    (k in variables.oldLabels && variables.oldLabels[k] == variables.labels[k])) &&
    variables.oldLabels.all(k, !k.startsWith('dlworkspace.io/') || k in variables.labels) &&
    (!variables.ours || variables.labels[?'app.kubernetes.io/managed-by'] == variables.oldLabels[?'app.kubernetes.io/managed-by'])
  message: labels that begin with dlworkspace.io/ mark what the operator made; use another prefix, or submit a DLJob
  reason: Forbidden
- expression: >-
    variables.annotations.all(k, !k.startsWith('dlworkspace.io/') ||
    (k in variables.oldAnnotations && variables.oldAnnotations[k] == variables.annotations[k])) &&
    variables.oldAnnotations.all(k, !k.startsWith('dlworkspace.io/') || k in variables.annotations)
  message: annotations that begin with dlworkspace.io/ are the operator's; use another prefix, or submit a DLJob
  reason: Forbidden
- expression: >-
    variables.owners == variables.oldOwners || request.userInfo.username in {{ include "dlworkspace.policies.collectors" . }}
  message: only the operator makes or leaves something as a DLJob's; leave its ownerReferences as they are
  reason: Forbidden
# The operator reads no Secret, so it knows its own by this name alone.
- expression: >-
    oldObject != null || request.resource.resource != 'secrets' ||
    !object.metadata.name.matches('-ssh-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
  message: Secrets named …-ssh-UID hold the keys of DLJobs; choose another name
  reason: Forbidden
- expression: >-
    !variables.ours || (has(request.subResource) && request.subResource == 'status') || (
    request.resource.resource == 'pods' ? (variables.new.spec.containers == variables.old.spec.containers &&
    variables.new.spec.?initContainers == variables.old.spec.?initContainers &&
    variables.new.spec.?volumes == variables.old.spec.?volumes &&
    variables.new.spec.?resources == variables.old.spec.?resources &&
    variables.new.spec.?securityContext == variables.old.spec.?securityContext &&
    variables.new.spec.?hostNetwork == variables.old.spec.?hostNetwork &&
    variables.new.spec.?hostPID == variables.old.spec.?hostPID && variables.new.spec.?hostIPC == variables.old.spec.?hostIPC) :
    request.resource.resource == 'services' ? variables.new.spec == variables.old.spec :
    request.resource.resource == 'controllerrevisions' ? (variables.new.?data == variables.old.?data &&
    variables.new.revision == variables.old.revision) :
    (variables.new.?data == variables.old.?data && variables.new.?binaryData == variables.old.?binaryData &&
    variables.new.?type == variables.old.?type && variables.new.?immutable == variables.old.?immutable))
  message: this is a DLJob's and stays as the operator made it; change or delete the DLJob, or submit another one
  reason: Forbidden
{{- end -}}

{{- /* Without its files, keys, fences or kept bytes a job would run something else, or twice. Pods and Services may be deleted: the
       operator sees it. What was left by `--cascade=orphan` is nobody's. */ -}}
{{- define "dlworkspace.policies.own-deletions" -}}
matchConstraints:
  {{- include "dlworkspace.policies.managed" . | nindent 2 }}
  resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [configmaps, secrets]
    operations: [DELETE]
    scope: Namespaced
  - apiGroups: [apps]
    apiVersions: [v1]
    resources: [controllerrevisions]
    operations: [DELETE]
    scope: Namespaced
matchConditions:
{{ include "dlworkspace.policies.notOperator" . }}
- name: a-jobs
  expression: >-
    oldObject.metadata.?ownerReferences.orValue([]).exists(o, o.kind == 'DLJob' && o.apiVersion.startsWith('dlworkspace.io/'))
validations:
- expression: >-
    request.userInfo.username in {{ include "dlworkspace.policies.collectors" . }} ||
    authorizer.group('dlworkspace.io').resource('dlclusters').name('cluster').check('update').allowed()
  message: this is a DLJob's and goes when the DLJob goes; delete the DLJob instead
  reason: Forbidden
{{- end -}}

{{- /* Peers find each other by the Service of the job's name. The operator's own has the label, which nobody else may use: it is left
       out before the jobs are gone through, as that takes a tenth of a millisecond each. */ -}}
{{- define "dlworkspace.policies.own-names" -}}
paramKind: {apiVersion: dlworkspace.io/v1, kind: DLJob}
matchConstraints:
  {{- omit (include "dlworkspace.policies.managed" . | fromYaml) "objectSelector" | toYaml | nindent 2 }}
  objectSelector:
    matchExpressions:
    - {key: dlworkspace.io/job-uid, operator: DoesNotExist}
  resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [services]
    operations: [CREATE]
    scope: Namespaced
validations:
- expression: object.metadata.name != params.metadata.name
  message: this name is for what the operator makes for the DLJob of that name; choose another one
  reason: Forbidden
{{- end -}}

{{- /* No namespaceSelector: it would see the labels after the change. Nor only the object itself: its status and finalize
       subresources take labels too. */ -}}
{{- define "dlworkspace.policies.managed-label" -}}
matchConstraints:
  {{- include "dlworkspace.policies.everywhere" . | nindent 2 }}
  resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [namespaces, namespaces/status, namespaces/finalize]
    operations: [CREATE, UPDATE]
    scope: Cluster
variables:
# A label's value cannot be "-".
- name: before
  expression: "oldObject == null ? '-' : oldObject.metadata.?labels[?'dlworkspace.io/managed'].orValue('-')"
- name: after
  expression: object.metadata.?labels[?'dlworkspace.io/managed'].orValue('-')
validations:
- expression: >-
    variables.before == variables.after || variables.after == '-' ||
    !(object.metadata.name in ['kube-system', {{ .Release.Namespace | squote }}])
  message: no jobs run in this namespace, it is the cluster's or the operator's own; label another one
  reason: Forbidden
- expression: >-
    variables.before == variables.after ||
    authorizer.group('dlworkspace.io').resource('dlclusters').name('cluster').check('update').allowed()
  message: who may update the DLCluster says which namespaces have jobs; ask them to set the label dlworkspace.io/managed
  reason: Forbidden
{{- end -}}

{{- /* The right to patch Nodes is more than the operator needs: it labels them with what their storages are like, and does nothing else. */ -}}
{{- define "dlworkspace.policies.node-labels" -}}
matchConstraints:
  {{- include "dlworkspace.policies.everywhere" . | nindent 2 }}
  resourceRules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [nodes, nodes/status]
    operations: [CREATE, UPDATE, DELETE]
    scope: Cluster
matchConditions:
- name: the-operator
  expression: request.userInfo.username == '{{ include "dlworkspace.operatorUser" . }}'
variables:
- name: labels
  expression: "object == null ? {} : object.metadata.?labels.orValue({})"
- name: oldLabels
  expression: "oldObject == null ? {} : oldObject.metadata.?labels.orValue({})"
validations:
- expression: request.operation == 'UPDATE'
  message: the operator neither makes nor deletes nodes, it labels them
  reason: Forbidden
- expression: >-
    variables.labels.all(k, k.startsWith('storage.dlworkspace.io/') ||
    (k in variables.oldLabels && variables.oldLabels[k] == variables.labels[k])) &&
    variables.oldLabels.all(k, k.startsWith('storage.dlworkspace.io/') || k in variables.labels)
  message: of a node's labels the operator changes those that begin with storage.dlworkspace.io/ and no others
  reason: Forbidden
- expression: >-
    request.operation != 'UPDATE' || (object.?spec == oldObject.?spec && object.?status == oldObject.?status &&
    object.metadata.?annotations == oldObject.metadata.?annotations &&
    object.metadata.?finalizers == oldObject.metadata.?finalizers &&
    object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences)
  message: of a node the operator changes nothing but labels that begin with storage.dlworkspace.io/
  reason: Forbidden
{{- end -}}
