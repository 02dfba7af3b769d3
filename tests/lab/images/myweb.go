// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026, The kubeaddons.metallb authors

// Stand-in for ghcr.io/c1t1d0s7/go-myweb: greets and names its pod, on port 8080.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	name, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "Hello World!\n%s\n", name)
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
