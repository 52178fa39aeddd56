;; E14: makes sockets and looks up names; says with a bit each what it was denied.
(component
  (import "wasi:sockets/network@0.2.0" (instance $network
    (export "network" (type $n (sub resource)))
    (type $code (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
      "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable"
      "address-in-use" "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted"
      "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
    (export "error-code" (type (eq $code)))
    (type $family (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $family)))))
  (alias export $network "network" (type $net))
  (alias export $network "error-code" (type $error-code))
  (alias export $network "ip-address-family" (type $ip-family))
  (import "wasi:sockets/tcp@0.2.0" (instance $tcp (export "tcp-socket" (type (sub resource)))))
  (alias export $tcp "tcp-socket" (type $tcp-socket))
  (import "wasi:sockets/udp@0.2.0" (instance $udp (export "udp-socket" (type (sub resource)))))
  (alias export $udp "udp-socket" (type $udp-socket))
  (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create-tcp
    (alias outer 1 $error-code (type $ec)) (export "error-code" (type $e (eq $ec)))
    (alias outer 1 $ip-family (type $ff)) (export "ip-address-family" (type $f (eq $ff)))
    (alias outer 1 $tcp-socket (type $ss)) (export "tcp-socket" (type $s (eq $ss)))
    (export "create-tcp-socket" (func (param "address-family" $f) (result (result (own $s) (error $e)))))))
  (import "wasi:sockets/udp-create-socket@0.2.0" (instance $create-udp
    (alias outer 1 $error-code (type $ec)) (export "error-code" (type $e (eq $ec)))
    (alias outer 1 $ip-family (type $ff)) (export "ip-address-family" (type $f (eq $ff)))
    (alias outer 1 $udp-socket (type $ss)) (export "udp-socket" (type $s (eq $ss)))
    (export "create-udp-socket" (func (param "address-family" $f) (result (result (own $s) (error $e)))))))
  (import "wasi:sockets/instance-network@0.2.0" (instance $instance
    (alias outer 1 $net (type $nn)) (export "network" (type $n (eq $nn)))
    (export "instance-network" (func (result (own $n))))))
  (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $lookup
    (export "resolve-address-stream" (type $stream (sub resource)))
    (alias outer 1 $net (type $nn)) (export "network" (type $n (eq $nn)))
    (alias outer 1 $error-code (type $ec)) (export "error-code" (type $e (eq $ec)))
    (export "resolve-addresses" (func (param "network" (borrow $n)) (param "name" string)
      (result (result (own $stream) (error $e)))))))
  (core module $mem (memory (export "memory") 1) (data (i32.const 256) "example.com"))
  (core instance $mem (instantiate $mem))
  (core func $tcp (canon lower (func $create-tcp "create-tcp-socket") (memory $mem "memory")))
  (core func $udp (canon lower (func $create-udp "create-udp-socket") (memory $mem "memory")))
  (core func $net (canon lower (func $instance "instance-network")))
  (core func $lookup (canon lower (func $lookup "resolve-addresses") (memory $mem "memory")))
  (core module $m
    (import "host" "memory" (memory 1))
    (import "host" "tcp" (func $tcp (param i32 i32)))
    (import "host" "udp" (func $udp (param i32 i32)))
    (import "host" "net" (func $net (result i32)))
    (import "host" "lookup" (func $lookup (param i32 i32 i32 i32)))
    (func $denied (result i32)
      (i32.and (i32.load8_u (i32.const 0)) (i32.eq (i32.load8_u (i32.const 4)) (i32.const 1))))
    (func (export "dial") (result i32) (local $bits i32)
      (call $tcp (i32.const 0) (i32.const 0)) (local.set $bits (call $denied))
      (call $udp (i32.const 1) (i32.const 0))
      (local.set $bits (i32.or (local.get $bits) (i32.shl (call $denied) (i32.const 1))))
      (call $lookup (call $net) (i32.const 256) (i32.const 11) (i32.const 0))
      (i32.or (local.get $bits) (i32.shl (call $denied) (i32.const 2)))))
  (core instance $i (instantiate $m (with "host" (instance
    (export "memory" (memory $mem "memory")) (export "tcp" (func $tcp)) (export "udp" (func $udp))
    (export "net" (func $net)) (export "lookup" (func $lookup))))))
  (func (export "dial") (result u32) (canon lift (core func $i "dial"))))
