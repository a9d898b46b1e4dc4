// Package rabbitmq measures a RabbitMQ broker under the names, types and
// labels of its own plugin rabbitmq_prometheus: its page is passed on where
// the plugin answers, and made of the management API where only that does.
// Both serve dashboards and rules that were written for the plugin.
//
// What is asked of the broker is bounded: sums by default, single queues by
// choice, lists in pages and by columns.
//
// It is not for a service's own numbers (exporters/brick), and changes
// nothing in the broker.
package rabbitmq
