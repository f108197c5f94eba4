// The operations of ../../library.ts with the Go libraries: clients <franz-go|sarama> <bootstrap servers> <operation>, the task as
// JSON on standard input, the answer as the last line of standard output.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

type task struct {
	Topic           string            `json:"topic"`
	Codec           string            `json:"codec"`
	Idempotent      bool              `json:"idempotent"`
	Records         []record          `json:"records"`
	Group           string            `json:"group"`
	Count           int               `json:"count"`
	Isolation       string            `json:"isolation"`
	Partitions      int32             `json:"partitions"`
	MorePartitions  int               `json:"morePartitions"`
	Config          map[string]string `json:"config"`
	TransactionalID string            `json:"transactionalId"`
	Values          [][]string        `json:"values"`
	Source          string            `json:"source"`
	Target          string            `json:"target"`
	Name            string            `json:"name"`
	Value           string            `json:"value"`
	Timestamp       int64             `json:"timestamp"`
	Before          int64             `json:"before"`
}

// Bytes are Base64 in JSON; a nil slice is null, an empty one is not.
type record struct {
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   []header `json:"headers"`
	Timestamp int64    `json:"timestamp"`
}

type header struct {
	name  string
	value []byte
}

func (h header) MarshalJSON() ([]byte, error) { return json.Marshal([]any{h.name, h.value}) }

func (h *header) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&h.name, &h.value})
}

type operation func(ctx context.Context, servers []string, t task) any

func main() {
	client, servers, name := os.Args[1], strings.Split(os.Args[2], ","), os.Args[3]
	operations := map[string]map[string]operation{"franz-go": franzGo, "sarama": saramaClient}[client]
	act, known := operations[name]
	if !known {
		panic(fmt.Sprintf("no operation %s of %s", name, client))
	}
	var t task
	must(json.NewDecoder(os.Stdin).Decode(&t))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()
	answer, err := json.Marshal(act(ctx, servers, t))
	must(err)
	fmt.Printf("\n%s\n", answer)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func got[T any](value T, err error) T {
	must(err)
	return value
}
