// Package api asks a RabbitMQ broker over HTTP: its management API, whose
// answers are JSON, and the page of its plugin rabbitmq_prometheus.
//
// Every answer is bounded in bytes, in depth and in time, lists come in pages
// and with the columns that are asked for by name, and an answer that is none
// (a web page, half a document, a refusal) is an error that says what to
// change. No error repeats a secret, nor what the broker sent.
//
// It is not for AMQP, and changes nothing: it knows no method but GET.
package api
