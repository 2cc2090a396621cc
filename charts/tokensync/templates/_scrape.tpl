{{- /*
How Prometheus scrapes an endpoint, from the values of a monitor. The labels namespace and name of the metrics are those
of a resource, which honorLabels keeps from being renamed.
*/ -}}
{{- define "tokensync.scrape" -}}
path: /metrics
honorLabels: true
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
