// Package roundtrip sends a message through a RabbitMQ broker and takes it out
// again, over AMQP and AMQPS, as an application would: a broker may list its
// queues and let nobody publish.
//
// It is off unless the site file asks for it, since it writes to the broker:
// one connection, one queue that only this connection can see, one message a
// run. All three end with the run.
//
// It is not for measuring how fast a broker is under load.
package roundtrip
