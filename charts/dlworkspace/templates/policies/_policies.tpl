{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- /* Rules that the API server itself enforces, so they hold with the webhook and the operator down or deleted.
       Written once: policies.yaml prints them, expected.yaml tells the operator what there should be. Every field
       that the API server has a default for is written out, so that the two can be compared.
       docs/decisions/0018-policies.md says what they can see and what they cannot. */ -}}

{{- /* A YAML list of ValidatingAdmissionPolicies and their bindings. */ -}}
{{- define "dlworkspace.policies" -}}
{{- $policies := list "submitted-by" "approvals" "four-eyes" "status" "restricted-pods" "own-objects" "own-deletions" "own-names"
      "exec" "exec-host" "ephemeral-containers" "managed-label" "node-facts" "node-labels" -}}
{{- $root := . -}}
{{- range $policies }}
{{- $name := printf "%s-%s" (include "dlworkspace.fullname" $root) . }}
{{- $spec := include (printf "dlworkspace.policies.%s" .) $root | fromYaml }}
{{- if hasKey $spec "Error" }}{{ fail (printf "policy %s: %s" . $spec.Error) }}{{ end }}
- apiVersion: admissionregistration.k8s.io/v1
  kind: ValidatingAdmissionPolicy
  metadata:
    name: {{ $name }}
    labels:
      {{- include "dlworkspace.commonLabels" $root | nindent 6 }}
  spec:
    {{- toYaml (merge (dict "failurePolicy" "Fail") $spec) | nindent 4 }}
- apiVersion: admissionregistration.k8s.io/v1
  kind: ValidatingAdmissionPolicyBinding
  metadata:
    name: {{ $name }}
    labels:
      {{- include "dlworkspace.commonLabels" $root | nindent 6 }}
  spec:
    policyName: {{ $name }}
    validationActions: [Deny]
    {{- if hasKey $spec "paramKind" }}
    # Every such object of the namespace, one after the other; the request must be right for each of them.
    paramRef:
      {{- if eq $spec.paramKind.kind "Pod" }}
      selector: {matchLabels: {dlworkspace.io/reaches-host: "true"}}
      {{- else }}
      selector: {}
      {{- end }}
      parameterNotFoundAction: Allow
    {{- end }}
{{- end }}
{{- end -}}

{{- define "dlworkspace.operatorUser" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "dlworkspace.serviceAccount" .) -}}
{{- end -}}

{{- /* Who removes what is left of a deleted owner or namespace: the controllers' own accounts, and the one that they share where
       the controller manager is not told to use these. */ -}}
{{- define "dlworkspace.policies.collectors" -}}
["system:serviceaccount:kube-system:generic-garbage-collector", "system:serviceaccount:kube-system:namespace-controller", "system:kube-controller-manager"]
{{- end -}}

{{- /* Which requests: of every namespace, or of those in which jobs run. */ -}}
{{- define "dlworkspace.policies.everywhere" -}}
matchPolicy: Equivalent
namespaceSelector: {}
objectSelector: {}
{{- end -}}

{{- define "dlworkspace.policies.managed" -}}
matchPolicy: Equivalent
namespaceSelector:
  matchLabels: {dlworkspace.io/managed: "true"}
  # Whatever labels they have.
  matchExpressions:
  - {key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, {{ .Release.Namespace }}]}
objectSelector: {}
{{- end -}}

{{- define "dlworkspace.policies.notOperator" -}}
- name: not-the-operator
  expression: request.userInfo.username != '{{ include "dlworkspace.operatorUser" . }}'
{{- end -}}
