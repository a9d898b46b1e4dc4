package blackbox

// builtIn is the modules that there are without a file: those that a fresh
// blackbox_exporter has, by their names.
const builtIn = `
modules:
  http_2xx:
    prober: http
  http_post_2xx:
    prober: http
    http: {method: POST}
  tcp_connect:
    prober: tcp
  pop3s_banner:
    prober: tcp
    tcp:
      query_response: [{expect: "^\\+OK"}]
      tls: true
  grpc:
    prober: grpc
    grpc: {tls: true, preferred_ip_protocol: ip4}
  grpc_plain:
    prober: grpc
    grpc: {service: service1}
  ssh_banner:
    prober: tcp
    tcp:
      query_response: [{expect: "^SSH-2.0-"}, {send: SSH-2.0-blackbox-ssh-check}]
  irc_banner:
    prober: tcp
    tcp:
      query_response:
        - send: NICK prober
        - send: USER prober prober prober :prober
        - {expect: "PING :([^ ]+)", send: "PONG ${1}"}
        - expect: "^:[^ ]+ 001"
  icmp:
    prober: icmp
  icmp_ttl5:
    prober: icmp
    timeout: 5s
    icmp: {ttl: 5}
`
