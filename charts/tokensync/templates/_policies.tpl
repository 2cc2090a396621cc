{{- /*
Not empty if a ValidatingAdmissionPolicy is wanted: as its `enabled` says or, where that is null, where the cluster has
such policies and the release is for the whole of it. Takes a dict of `context` and `enabled`.
*/ -}}
{{- define "tokensync.policyWanted" -}}
{{- $versions := .context.Capabilities.APIVersions -}}
{{- /* Rendered without a cluster at hand no kinds are known: then it has what every supported version has by default. */ -}}
{{- $asked := $versions.Has "v1/Secret" -}}
{{- $served := or (not $asked) ($versions.Has "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy") -}}
{{- $default := and $served (not .context.Values.namespaces) -}}
{{- if kindIs "bool" .enabled | ternary .enabled $default }}true{{ end -}}
{{- end }}

{{- /* The binding that puts a policy into force. Takes a dict of `context` and the policy's `name`. */ -}}
{{- define "tokensync.policyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  {{- include "tokensync.metadata" (dict "context" .context) | nindent 2 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end }}

{{- /* The condition that a request is the operator's. */ -}}
{{- define "tokensync.isOperator" -}}
- name: operator
  expression: >-
    request.userInfo.username ==
    'system:serviceaccount:{{ include "tokensync.namespace" . }}:{{ include "tokensync.serviceAccountName" . }}'
{{- end }}
