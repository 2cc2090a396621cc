{{- /* What the schema cannot say, or would say by repeating a password. Every message ends with what to do. */ -}}
{{- define "tokensync.check" -}}
{{- if and (not (include "tokensync.leaderElect" .)) (gt (int .Values.replicaCount) 1) }}
{{- fail "leaderElect is false, and replicaCount is more than 1: without a leader all replicas would write. Set replicaCount to 1, or leave leaderElect out" }}
{{- end }}
{{- if not (regexMatch "^(https?://[^@/?#]+/?)?$" .Values.proxy.url) }}
{{- fail "proxy.url is not http://host:port: correct it; if it holds a user and a password, put the URL in a Secret, and name that in proxy.secretKeyRef" }}
{{- end }}
{{- if and .Values.proxy.url .Values.proxy.secretKeyRef }}
{{- fail "proxy.url and proxy.secretKeyRef are both set: leave one out" }}
{{- end }}
{{- range .Values.allowedHosts }}
{{- if contains "://" . }}
{{- fail (printf "allowedHosts has %s: write the host without https://, as in login.example.com or login.example.com:8443" .) }}
{{- end }}
{{- end }}
{{- range .Values.allowedSecretTypes }}
{{- if regexMatch "(?i)^([^/]*[.])?(kubernetes[.]io|k8s[.]io|helm[.]sh)(/|$)" . }}
{{- fail (printf "allowedSecretTypes has %s, and types of kubernetes.io, k8s.io and helm.sh are never allowed: remove it; kubernetes.io/basic-auth and kubernetes.io/dockerconfigjson need not be listed" .) }}
{{- end }}
{{- end }}
{{- with .Values.caBundle }}
{{- if gt (len (compact (list .inline .configMapKeyRef .secretKeyRef))) 1 }}
{{- fail "caBundle has more than one of inline, configMapKeyRef and secretKeyRef: leave one" }}
{{- end }}
{{- end }}
{{- with .Values.metrics }}
{{- if and .serviceMonitor.enabled (not .service.enabled) }}
{{- fail "metrics.serviceMonitor needs the Service: set metrics.service.enabled to true, or enable metrics.podMonitor instead" }}
{{- end }}
{{- if and .serviceMonitor.enabled .podMonitor.enabled }}
{{- fail "metrics.serviceMonitor and metrics.podMonitor would both scrape every pod: enable one of them" }}
{{- end }}
{{- end }}
{{- end }}
