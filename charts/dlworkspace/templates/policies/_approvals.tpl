{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- /* Who made a job, who may approve it, and who says how it stands. */ -}}

{{- /* Nobody makes a job in another's name. (That the stamp never changes is a rule of the definition itself.) */ -}}
{{- define "dlworkspace.policies.submitted-by" -}}
matchConstraints:
  {{- include "dlworkspace.policies.everywhere" . | nindent 2 }}
  resourceRules:
  - apiGroups: [dlworkspace.io]
    apiVersions: [v1]
    resources: [dljobs]
    operations: [CREATE]
    scope: Namespaced
validations:
- expression: >-
    !has(object.spec.submittedBy) || (object.spec.submittedBy.username == request.userInfo.username &&
    (has(object.spec.submittedBy.uid) ? object.spec.submittedBy.uid : "") ==
    (has(request.userInfo.uid) ? request.userInfo.uid : ""))
  message: spec.submittedBy says who made the job and is written by admission; leave it out
  reason: Forbidden
{{- end -}}

{{- /* The classes of the definition of DLJobApproval; a test compares the two. */ -}}
{{- define "dlworkspace.policies.classes" -}}
[privileged, hostNetwork, hostIPC, hostPID, hostPaths, capabilities, runAsRoot, devices, hostPorts, unconfinedSeccomp]
{{- end -}}

{{- /* An approval is given by who asks, and by nobody who may not. One validation a class: a question to the authorizer costs
       a third of what one expression may. */ -}}
{{- define "dlworkspace.policies.approvals" -}}
matchConstraints:
  {{- include "dlworkspace.policies.everywhere" . | nindent 2 }}
  resourceRules:
  - apiGroups: [dlworkspace.io]
    apiVersions: [v1]
    resources: [dljobapprovals]
    operations: [CREATE]
    scope: Namespaced
validations:
- expression: >-
    has(object.spec.approver) && object.spec.approver.username == request.userInfo.username &&
    (has(object.spec.approver.uid) ? object.spec.approver.uid : "") ==
    (has(request.userInfo.uid) ? request.userInfo.uid : "") &&
    sets.equivalent(has(object.spec.approver.groups) ? object.spec.approver.groups : [],
    has(request.userInfo.groups) ? request.userInfo.groups : [])
  message: >-
    spec.approver is not who asks, with their uid and groups; leave it out, admission writes it (and is not there now if you did)
  reason: Forbidden
- expression: >-
    !request.userInfo.username.startsWith('system:node:') && request.userInfo.username != 'system:anonymous' &&
    !(has(request.userInfo.groups) && ('system:nodes' in request.userInfo.groups ||
    'system:unauthenticated' in request.userInfo.groups))
  message: nodes and whoever did not log in approve nothing; log in as a person who may approve
  reason: Forbidden
# A ServiceAccount of the job's own namespace is anybody's who may make pods or tokens there.
- expression: >-
    !request.userInfo.username.startsWith('system:serviceaccount:') ||
    (request.userInfo.username in {{ toJson .Values.policies.approverServiceAccounts }} &&
    !request.userInfo.username.startsWith('system:serviceaccount:' + request.namespace + ':'))
  message: >-
    a ServiceAccount approves only from another namespace and when the chart's value policies.approverServiceAccounts names it; log in
    as a person who may approve
  reason: Forbidden
- expression: >-
    authorizer.group('dlworkspace.io').resource('dljobs').namespace(request.namespace).name(object.spec.jobName).check('approve').allowed()
  message: you have no right to approve jobs here; ask for the verb approve on dljobs, as in the ClusterRole {{ include "dlworkspace.fullname" . }}-approver
  reason: Forbidden
- expression: >-
    object.spec.classes.all(c, c in {{ include "dlworkspace.policies.classes" . | fromYamlArray | toJson }})
  message: spec.classes names a class that this version does not know; write those of the job's status.approval.classes
  reason: Forbidden
{{- range include "dlworkspace.policies.classes" . | fromYamlArray }}
- expression: >-
    !('{{ . }}' in object.spec.classes) ||
    authorizer.group('dlworkspace.io').resource('permissionclasses').namespace(request.namespace).name('{{ . }}').check('approve').allowed()
  message: you have no right to approve the class {{ . }}; ask for the verb approve on permissionclasses named {{ . }}
  reason: Forbidden
{{- end }}
{{- end -}}

{{- define "dlworkspace.policies.four-eyes" -}}
paramKind: {apiVersion: dlworkspace.io/v1, kind: DLJob}
matchConstraints:
  {{- include "dlworkspace.policies.everywhere" . | nindent 2 }}
  resourceRules:
  - apiGroups: [dlworkspace.io]
    apiVersions: [v1]
    resources: [dljobapprovals]
    operations: [CREATE]
    scope: Namespaced
validations:
# The right to approve is asked for by name: it must be the name of the job that the UID means.
- expression: params.metadata.uid != object.spec.jobUID || params.metadata.name == object.spec.jobName
  message: spec.jobName and spec.jobUID are of two jobs; take both from the job's status.approval.manifest
  reason: Forbidden
- expression: params.metadata.uid != object.spec.jobUID || has(params.spec.submittedBy)
  message: nobody knows who made this job, as admission was off then; submit it again
  reason: Forbidden
- expression: >-
    params.metadata.uid != object.spec.jobUID || !has(params.spec.submittedBy) ||
    !params.spec.submittedBy.username.startsWith('system:serviceaccount:' + request.namespace + ':')
  message: >-
    a ServiceAccount of this namespace made the job, and whoever may make pods here can act as it; submit the job as a person
  reason: Forbidden
- expression: >-
    params.metadata.uid != object.spec.jobUID || !has(params.spec.submittedBy) ||
    (params.spec.submittedBy.username != request.userInfo.username &&
    !(has(params.spec.submittedBy.uid) && params.spec.submittedBy.uid != "" && has(request.userInfo.uid) &&
    params.spec.submittedBy.uid == request.userInfo.uid))
  message: who made a job does not approve it; ask somebody else who may approve
  reason: Forbidden
{{- end -}}

{{- /* What is shown for approval, and whether it is given, is in the status. */ -}}
{{- define "dlworkspace.policies.status" -}}
matchConstraints:
  {{- include "dlworkspace.policies.everywhere" . | nindent 2 }}
  resourceRules:
  - apiGroups: [dlworkspace.io]
    apiVersions: [v1]
    resources: [dljobs/status]
    operations: [UPDATE]
    scope: Namespaced
matchConditions:
{{ include "dlworkspace.policies.notOperator" . }}
validations:
# A job that says so is another controller's; managedBy never changes.
- expression: has(oldObject.spec.managedBy) && oldObject.spec.managedBy != 'dlworkspace.io/operator'
  message: only the operator writes a job's status; change the job's spec (suspend, stop) or delete it instead
  reason: Forbidden
{{- end -}}
