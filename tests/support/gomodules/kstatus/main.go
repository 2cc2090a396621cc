// Command kstatus reads one Kubernetes object, as JSON, from stdin and prints what kstatus makes of it,
// as JSON: {"status": "InProgress", "message": "..."}.
package main

import (
	"encoding/json"
	"io"
	"log"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type verdict struct {
	Status  status.Status `json:"status"`
	Message string        `json:"message"`
}

func main() {
	log.SetFlags(0)
	if err := judge(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func judge(in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return err
	}
	result, err := status.Compute(object)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(verdict{result.Status, result.Message})
}
