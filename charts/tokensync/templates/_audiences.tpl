{{- /* The audiences that tokens of ServiceAccounts may be requested for, as JSON: by default those of the operator. */ -}}
{{- define "tokensync.allowedAudiences" -}}
{{- $default := list "api://AzureADTokenExchange" "api://AzureADTokenExchangeUSGov" "api://AzureADTokenExchangeChina" -}}
{{- kindIs "slice" .Values.allowedAudiences | ternary .Values.allowedAudiences $default | toJson -}}
{{- end }}

{{- /* Not empty if there are any. */ -}}
{{- define "tokensync.requestsTokens" -}}
{{- if ne (include "tokensync.allowedAudiences" .) "[]" }}true{{ end -}}
{{- end }}
