{{- /* Without a leader, two pods must not work at once, even while one replaces the other. */ -}}
{{- define "tokensync.strategy" -}}
{{- $type := include "tokensync.leaderElect" . | empty | ternary "Recreate" .Values.strategy.type -}}
type: {{ $type }}
{{- if and (eq $type "RollingUpdate") .Values.strategy.rollingUpdate }}
rollingUpdate: {{ toJson .Values.strategy.rollingUpdate }}
{{- end }}
{{- end }}

{{- define "tokensync.podMetadata" -}}
{{- $labels := merge (include "tokensync.selectorLabels" . | fromYaml) .Values.podLabels -}}
{{- $annotations := dict "kubectl.kubernetes.io/default-container" "tokensync" -}}
{{- with .Values.caBundle.inline }}
{{- $_ := set $annotations "checksum/ca-bundle" (sha256sum .) }}
{{- end }}
{{- $annotations = merge (dict) .Values.podAnnotations $annotations -}}
{{- include "tokensync.metadata" (dict "context" . "labels" $labels "annotations" $annotations) }}
{{- end }}

{{- define "tokensync.podSpec" -}}
serviceAccountName: {{ include "tokensync.serviceAccountName" . }}
automountServiceAccountToken: {{ .Values.serviceAccount.automount }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
{{- include "tokensync.placement" . }}
{{- $pods := dict "matchLabels" (include "tokensync.selectorLabels" . | fromYaml) }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{ set (deepCopy .) "labelSelector" (default $pods .labelSelector) | toYaml | indent 4 | trim }}
  {{- end }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
dnsPolicy: {{ .Values.dnsPolicy }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - {{ include "tokensync.container" . | indent 4 | trim }}
  {{- with .Values.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with include "tokensync.volumes" . }}
volumes:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What the operator's pods and that of `helm test` have in common: who they run as, and which nodes take them. */ -}}
{{- define "tokensync.placement" }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- if not (kindIs "invalid" .Values.hostUsers) }}
hostUsers: {{ .Values.hostUsers }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "tokensync.container" -}}
name: tokensync
image: {{ include "tokensync.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - run
  {{- include "tokensync.arguments" . | trim | nindent 2 }}
env:
  {{- include "tokensync.environment" . | nindent 2 }}
ports:
  - name: metrics
    containerPort: {{ include "tokensync.metricsPort" . }}
    protocol: TCP
{{- range $probe, $path := dict "livenessProbe" "/healthz" "readinessProbe" "/readyz" "startupProbe" "/healthz" }}
{{ $probe }}:
  httpGet: {path: {{ $path }}, port: metrics}
  {{- with get $.Values $probe }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if or (include "tokensync.hasCaBundle" .) .Values.extraVolumeMounts }}
volumeMounts:
  {{- if include "tokensync.hasCaBundle" . }}
  - name: ca-bundle
    mountPath: {{ include "tokensync.caBundleFolder" . }}
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "tokensync.volumes" -}}
{{- if include "tokensync.hasCaBundle" . }}
{{- with .Values.caBundle -}}
{{- $inline := dict "name" (printf "%s-ca-bundle" (include "tokensync.fullname" $)) "key" "ca.pem" -}}
{{- $source := coalesce .configMapKeyRef .secretKeyRef $inline -}}
- name: ca-bundle
  {{ empty .secretKeyRef | ternary "configMap" "secret" }}:
    {{ empty .secretKeyRef | ternary "name" "secretName" }}: {{ $source.name }}
    items:
      - {key: {{ $source.key }}, path: ca.pem}
{{ end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{- toYaml . }}
{{- end }}
{{- end }}
