{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- /* The second container of the portal's pod: archived logs, to the portal alone. It is root with two capabilities, by which it
       becomes the user whose file it opens, and has no token of its own: it asks the API server with those of the readers. */ -}}

{{- /* As YAML, where all job folders are: hostPath is the mount point, path the folder below it. Empty: nobody knows. */ -}}
{{- define "dlworkspace.archiveStorage" -}}
{{- if .Values.portal.archive.hostPath -}}
{{- pick .Values.portal.archive "hostPath" "path" | toYaml -}}
{{- else -}}
{{- $found := dict -}}
{{- range .Values.cluster.storages -}}
{{- if and (eq (.layout | default "shared") "perJob") .hostPath (not .readOnly) (not $found) -}}
{{- $found = dict "hostPath" .hostPath "path" (.path | default "") -}}
{{- end -}}
{{- end -}}
{{- if and (not $found) .Values.cluster.sharedFolder.hostPath -}}
{{- $found = dict "hostPath" .Values.cluster.sharedFolder.hostPath "path" "jobfiles" -}}
{{- end -}}
{{- if $found }}{{ toYaml $found }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* "true", or nothing. */ -}}
{{- define "dlworkspace.archive" -}}
{{- if and .Values.portal.archive.enabled (include "dlworkspace.archiveStorage" .) }}true{{ end -}}
{{- end -}}

{{- define "dlworkspace.archiveContainer" -}}
{{- $storage := include "dlworkspace.archiveStorage" . | fromYaml -}}
- name: archive
  image: {{ include "dlworkspace.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [/dlws-agent]
  args:
  - serve-archive
  - --root={{ trimSuffix "/" $storage.hostPath }}{{ with $storage.path }}/{{ . }}{{ end }}
  - --port={{ .Values.portal.archive.port }}
  - --ca-file=/kube-ca/ca.crt
  - --health-port={{ .Values.portal.archive.healthPort }}
  - --log-level={{ .Values.portal.logLevel }}
  ports:
  - {name: archive-health, containerPort: {{ .Values.portal.archive.healthPort }}}
  startupProbe:
    httpGet: {path: /healthz, port: archive-health}
    periodSeconds: 1
    failureThreshold: 60
  livenessProbe:
    httpGet: {path: /healthz, port: archive-health}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  resources:
    {{- toYaml .Values.portal.archive.resources | nindent 4 }}
  securityContext:
    runAsNonRoot: false
    runAsUser: 0
    runAsGroup: 0
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    # Act as a user, and nothing that goes past the permissions of files.
    capabilities: {drop: [ALL], add: [SETGID, SETUID]}
  volumeMounts:
  - {name: kube-ca, mountPath: /kube-ca, readOnly: true}
  # Where the mount point is, so that what the node mounts there later is seen, too. readOnly is of this mount alone, not of those below it, and
  # recursiveReadOnly excludes mountPropagation; so the program forbids itself to write (Landlock, Linux 5.13), and warns where it cannot.
  - {name: job-folders, mountPath: {{ dir $storage.hostPath }}, readOnly: true, mountPropagation: HostToContainer}
{{- end -}}

{{- define "dlworkspace.archiveVolumes" -}}
{{- $storage := include "dlworkspace.archiveStorage" . | fromYaml -}}
{{- $around := dir (clean $storage.hostPath) -}}
{{- if has $around (list "/" "/var" "/var/lib") }}{{ fail "portal.archive: a storage must be mounted below a folder of its own: /mnt/data, not /data" }}{{ end -}}
{{- /* All of the folder around the mount point is mounted into the container. As in agent/archive/confine.cc. */ -}}
{{- if regexMatch "^/(bin|boot|dev|etc|lib|lib32|lib64|libx32|proc|root|run|sbin|sys|usr|var/lib/containerd|var/lib/kubelet|var/log|var/run)(/|$)" $around }}{{ fail (printf "portal.archive: %s is a folder of the system, and would be mounted into the portal's pod; mount the storage elsewhere, as at /mnt/data" $around) }}{{ end -}}
# Every namespace has it.
- name: kube-ca
  configMap: {name: kube-root-ca.crt, defaultMode: 0444}
- name: job-folders
  hostPath: {path: {{ dir $storage.hostPath }}, type: DirectoryOrCreate}
{{- end -}}

{{- /* The portal's own token, in its container alone. */ -}}
{{- define "dlworkspace.portalToken" -}}
- name: token
  projected:
    defaultMode: 0440
    sources:
    - serviceAccountToken: {path: token, expirationSeconds: 3607}
    - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
    - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end -}}
