// Package listeners tells on which ports the nodes of a RabbitMQ broker
// listen, and until when the certificates shown there are good: that of the
// port for applications (AMQPS) is the one that nobody's browser sees.
//
// It shakes hands, reads the certificates whether or not they are good, and
// says nothing more: whether an application would trust them is what the round
// trip shows.
package listeners
