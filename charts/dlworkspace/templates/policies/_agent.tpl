{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- /* A node's facts are told by that node's agent and nobody else: jobs are scheduled by them. The API server writes the node of
       a pod's token into it (KEP-4193), so an agent cannot speak for another node. Anybody who may can delete one: it is made anew. */ -}}
{{- define "dlworkspace.policies.node-facts" -}}
matchConstraints:
  {{- include "dlworkspace.policies.everywhere" . | nindent 2 }}
  resourceRules:
  - apiGroups: [dlworkspace.io]
    apiVersions: ["*"]
    resources: [dlnodes, dlnodes/status]
    operations: [CREATE, UPDATE]
    scope: Cluster
validations:
- expression: >-
    request.userInfo.username == 'system:serviceaccount:{{ .Release.Namespace }}:{{ include "dlworkspace.agent" . }}' &&
    request.userInfo.?extra[?'authentication.kubernetes.io/node-name'].orValue([]) == [object.metadata.name]
  message: a DLNode is written by the agent of that node alone
  reason: Forbidden
{{- end -}}
