module k8s.io/dynamic-resource-allocation

go 1.22.0

require (
	k8s.io/api v0.0.0
	k8s.io/apiserver v0.0.0
)
