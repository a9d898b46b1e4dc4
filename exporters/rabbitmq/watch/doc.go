// Package watch tells what the administrator of a RabbitMQ broker needs and
// its plugin does not tell: nodes that are missing, partitions, queues that
// nobody reads or that stand still, dead letters, agents of Publik that do not
// hear a deployment, default passwords, and what the next upgrade will ask for.
//
// It asks the management API, on a clock of its own and the same whatever
// answers for the rest of the page. What the broker does not tell, or not to
// this user, is said by tocsin_rabbitmq_detected and never sent as zero.
//
// It is not for what the plugin sends (exporters/rabbitmq), and changes
// nothing in the broker.
package watch
