// A static Go program for the matrix: "web serve ADDRESS FOLDER" or "web get URL". Go makes its system calls without libc.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	if os.Args[1] == "serve" {
		log.Fatal(http.ListenAndServe(os.Args[2], http.FileServer(http.Dir(os.Args[3]))))
	}
	reply, err := http.Get(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if _, err = io.Copy(os.Stdout, reply.Body); err != nil {
		log.Fatal(err)
	}
}
