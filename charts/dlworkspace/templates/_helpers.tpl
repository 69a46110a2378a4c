{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- /* The release's name, in front of every name. */ -}}
{{- define "dlworkspace.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "dlworkspace.operator" -}}
{{- printf "%s-operator" (include "dlworkspace.fullname" .) -}}
{{- end -}}

{{- define "dlworkspace.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "dlworkspace.operator" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "dlworkspace.selector" -}}
app.kubernetes.io/name: dlworkspace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- /* Of everything that is not the operator itself. */ -}}
{{- define "dlworkspace.commonLabels" -}}
app.kubernetes.io/name: dlworkspace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "dlworkspace.labels" -}}
{{ include "dlworkspace.commonLabels" . }}
app.kubernetes.io/component: operator
{{- end -}}

{{- /* The name of everything that belongs to admission; its Secret and configurations have it too. */ -}}
{{- define "dlworkspace.webhook" -}}
{{- printf "%s-webhook" (include "dlworkspace.fullname" .) -}}
{{- end -}}

{{- define "dlworkspace.webhookSelector" -}}
app.kubernetes.io/name: dlworkspace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end -}}

{{- define "dlworkspace.webhookLabels" -}}
{{ include "dlworkspace.commonLabels" . }}
app.kubernetes.io/component: webhook
{{- end -}}

{{- define "dlworkspace.agent" -}}
{{- printf "%s-agent" (include "dlworkspace.fullname" .) -}}
{{- end -}}

{{- define "dlworkspace.agentSelector" -}}
app.kubernetes.io/name: dlworkspace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: agent
{{- end -}}

{{- define "dlworkspace.agentLabels" -}}
{{ include "dlworkspace.commonLabels" . }}
app.kubernetes.io/component: agent
{{- end -}}

{{- /* A YAML list of the folders that hold the mount points. The folder of a hostPath volume looks like a mount point whether
       the node has mounted something there or not; what is below it does not. */ -}}
{{- define "dlworkspace.mountParents" -}}
{{- $parents := .Values.agent.mountParents -}}
{{- range .Values.cluster.storages }}{{ with .hostPath }}{{ $parents = append $parents (dir .) }}{{ end }}{{ end -}}
{{- with .Values.cluster.sharedFolder.hostPath }}{{ $parents = append $parents (dir .) }}{{ end -}}
{{- if has "/" $parents }}{{ fail "a storage must be mounted below a folder of its own, so that the agent need not see all of the node: /mnt/data, not /data" }}{{ end -}}
{{- $parents | uniq | sortAlpha | toYaml -}}
{{- end -}}

{{- /* Of those the ones that hold a share. */ -}}
{{- define "dlworkspace.sambaMountParents" -}}
{{- $parents := list -}}
{{- range .Values.cluster.storages }}{{ if .share }}{{ $parents = append $parents (dir .hostPath) }}{{ end }}{{ end -}}
{{- with .Values.cluster.sharedFolder.hostPath }}{{ $parents = append $parents (dir .) }}{{ end -}}
{{- $parents | uniq | sortAlpha | toYaml -}}
{{- end -}}

{{- define "dlworkspace.image" -}}
{{- include "dlworkspace.imageOf" (dict "image" .Values.image "version" .Chart.AppVersion) -}}
{{- end -}}

{{- define "dlworkspace.imageOf" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .version }}
{{- end -}}
{{- end -}}

{{- define "dlworkspace.samba" -}}
{{- printf "%s-samba" (include "dlworkspace.fullname" .) -}}
{{- end -}}

{{- define "dlworkspace.sambaSelector" -}}
app.kubernetes.io/name: dlworkspace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: samba
{{- end -}}

{{- define "dlworkspace.sambaLabels" -}}
{{ include "dlworkspace.commonLabels" . }}
app.kubernetes.io/component: samba
{{- end -}}

{{- define "dlworkspace.portal" -}}
{{- printf "%s-portal" (include "dlworkspace.fullname" .) -}}
{{- end -}}

{{- define "dlworkspace.portalSelector" -}}
app.kubernetes.io/name: dlworkspace
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: portal
{{- end -}}

{{- define "dlworkspace.portalLabels" -}}
{{ include "dlworkspace.commonLabels" . }}
app.kubernetes.io/component: portal
{{- end -}}

{{- /* The Secret with the portal's certificate. */ -}}
{{- define "dlworkspace.portalCertificate" -}}
{{- .Values.portal.tls.secretName | default (printf "%s-certificate" (include "dlworkspace.portal" .)) -}}
{{- end -}}
