{{- /* The chart's name, or what it is overridden with. */ -}}
{{- define "tokensync.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- /* The name that all objects begin with. 52 characters leave room for the longest ending, and for that of pods. */ -}}
{{- define "tokensync.fullname" -}}
{{- $name := include "tokensync.name" . -}}
{{- $release := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $release .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "tokensync.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end }}

{{- /* What every object carries that belongs to this release. */ -}}
{{- define "tokensync.instanceLabels" -}}
app.kubernetes.io/name: {{ include "tokensync.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* What tells the operator's pods from everything else, the pod of `helm test` included. It must never change. */ -}}
{{- define "tokensync.selectorLabels" -}}
{{ include "tokensync.instanceLabels" . }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "tokensync.labels" -}}
{{- $chosen := dict
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/part-of" "tokensync"
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_"))
-}}
{{- merge (include "tokensync.instanceLabels" . | fromYaml) .Values.commonLabels $chosen | toYaml -}}
{{- end }}

{{- /*
Labels and annotations of an object, from a dict of `context`, and of further `labels` and `annotations`.
What is more particular goes first: a key that is there twice keeps it.
*/ -}}
{{- define "tokensync.metadata" -}}
{{- $common := include "tokensync.labels" .context | fromYaml -}}
labels:
  {{- toYaml (merge (dict) (default dict .labels) $common) | nindent 2 }}
{{- with merge (dict) (default dict .annotations) .context.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "tokensync.serviceAccountName" -}}
{{- $default := .Values.serviceAccount.create | ternary (include "tokensync.fullname" .) "default" -}}
{{- default $default .Values.serviceAccount.name -}}
{{- end }}

{{- define "tokensync.image" -}}
{{- with .Values.image -}}
{{- $tag := printf ":%s" (default $.Chart.AppVersion .tag) -}}
{{- printf "%s/%s%s" .registry .repository (empty .digest | ternary $tag (printf "@%s" .digest)) -}}
{{- end -}}
{{- end }}

{{- /* Not empty if replicas agree on a leader: what a pod does unless it is told otherwise. */ -}}
{{- define "tokensync.leaderElect" -}}
{{- if not (and (kindIs "bool" .Values.leaderElect) (not .Values.leaderElect)) }}true{{ end -}}
{{- end }}

{{- define "tokensync.leaseNamespace" -}}
{{- default (include "tokensync.namespace" .) .Values.leaseNamespace -}}
{{- end }}

{{- /* The pod of `helm test`, which no Service and no PodDisruptionBudget must take for the operator. */ -}}
{{- define "tokensync.testLabels" -}}
{{ include "tokensync.instanceLabels" . }}
app.kubernetes.io/component: test
{{- end }}
