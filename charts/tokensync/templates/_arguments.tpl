{{- /* Where the certificates of caBundle are mounted. */ -}}
{{- define "tokensync.caBundleFolder" -}}
/etc/tokensync/ca-bundle
{{- end }}

{{- /* Not empty if there are certificates to be mounted. */ -}}
{{- define "tokensync.hasCaBundle" -}}
{{- with .Values.caBundle }}{{ if or .inline .configMapKeyRef .secretKeyRef }}true{{ end }}{{ end -}}
{{- end }}

{{- /* The port of metricsAddress. */ -}}
{{- define "tokensync.metricsPort" -}}
{{- regexFind "[0-9]+$" .Values.metricsAddress -}}
{{- end }}

{{- /* The arguments of `tokensync run`: a value's flag is its name in kebab case, and null is left to the operator. */ -}}
{{- define "tokensync.arguments" -}}
{{- $settings := list
  "namespaces" "workers" "allowedHosts" "allowedAudiences" "propagation" "clockSkew" "retryBudget" "providerRequestsPerSecond"
  "allowedSecretTypes" "deniedMetadata" "leaderElect" "leaseNamespace" "metricsAddress" "metricsPerObject" "logLevel" "logFormat"
-}}
{{- range $setting := $settings }}
{{- $value := get $.Values $setting }}
{{- if not (kindIs "invalid" $value) }}
- {{ printf "--%s=%v" (kebabcase $setting) (kindIs "slice" $value | ternary (join "," $value) $value) | quote }}
{{- end }}
{{- end }}
{{- if include "tokensync.hasCaBundle" . }}
- --ca-bundle={{ include "tokensync.caBundleFolder" . }}/ca.pem
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The variables of the container. A proxy may hold a password, so that it is no argument. */ -}}
{{- define "tokensync.environment" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- with .Values.proxy.url }}
- name: TOKENSYNC_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.secretKeyRef }}
- name: TOKENSYNC_PROXY
  valueFrom:
    secretKeyRef: {{ toJson . }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
