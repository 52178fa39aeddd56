;; The hash of texts and bytes: SipHash-1-3 with a key for each start, though an image is full of hashes.
;;
;; What the image has a hash of keeps that, since its tables are laid out by it. All else is hashed with the key of the start, so
;; nobody knows before it what falls together. Whether the image knows a text is asked of a table, which has its SipHash without a
;; key (64 bits) and the hash that CPython has of it (32 bits), and to which is added for as long as an image is made. Nothing
;; here calls anything or names a type: this body stands for the one in Python, and 0x5eed for the place of the state
;; (guests/seeded.py).
(module
  (memory 1)

  ;; State: 0 mode (0 an image is made, 1 a start, 2 an image that has no room for its table), 4 table, 8 slots less one,
  ;; 12 slots used, 16 key of the start, 32 where the parser of XML has a salt of its own, if that is known.
  (func (export "hash") (param $at i32) (param $length i32) (result i32)
    (local $key0 i64) (local $key1 i64) (local $v0 i64) (local $v1 i64) (local $v2 i64) (local $v3 i64) (local $word i64)
    (local $from i32) (local $left i32) (local $shift i64) (local $own i32) (local $hash i32) (local $entry i64) (local $slot i32)
    (local $last i32) (local $place i32) (local $table i32) (local $larger i32)
    (if (i32.eqz (local.get $length)) (then (return (i32.const 0))))

    (local.set $key0 (i64.const 0))
    (local.set $key1 (i64.const 0))
    (block $done
      (loop $keyed
        (local.set $v0 (i64.xor (local.get $key0) (i64.const 0x736f6d6570736575)))
        (local.set $v1 (i64.xor (local.get $key1) (i64.const 0x646f72616e646f6d)))
        (local.set $v2 (i64.xor (local.get $key0) (i64.const 0x6c7967656e657261)))
        (local.set $v3 (i64.xor (local.get $key1) (i64.const 0x7465646279746573)))
        (local.set $from (local.get $at))
        (local.set $left (local.get $length))
        ;; A round for each eight bytes, one for what is left of them with the length, and three more.
        (loop $round
          (if (i32.ge_s (local.get $left) (i32.const 8))
            (then
              (local.set $word (i64.load align=1 (local.get $from)))
              (local.set $from (i32.add (local.get $from) (i32.const 8)))
              (local.set $left (i32.sub (local.get $left) (i32.const 8))))
            (else (if (i32.ge_s (local.get $left) (i32.const 0))
              (then
                (local.set $word (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 56)))
                (local.set $shift (i64.const 0))
                (if (i32.and (local.get $left) (i32.const 4)) (then
                  (local.set $word (i64.or (local.get $word) (i64.load32_u align=1 (local.get $from))))
                  (local.set $from (i32.add (local.get $from) (i32.const 4)))
                  (local.set $shift (i64.const 32))))
                (if (i32.and (local.get $left) (i32.const 2)) (then
                  (local.set $word (i64.or (local.get $word)
                    (i64.shl (i64.load16_u align=1 (local.get $from)) (local.get $shift))))
                  (local.set $from (i32.add (local.get $from) (i32.const 2)))
                  (local.set $shift (i64.add (local.get $shift) (i64.const 16)))))
                (if (i32.and (local.get $left) (i32.const 1)) (then
                  (local.set $word (i64.or (local.get $word) (i64.shl (i64.load8_u (local.get $from)) (local.get $shift))))))
                (local.set $left (i32.const -1)))
              (else
                (if (i32.eq (local.get $left) (i32.const -1)) (then
                  (local.set $v2 (i64.xor (local.get $v2) (i64.const 0xff)))))
                (local.set $word (i64.const 0))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))))))
          (local.set $v3 (i64.xor (local.get $v3) (local.get $word)))
          (local.set $v0 (i64.add (local.get $v0) (local.get $v1)))
          (local.set $v2 (i64.add (local.get $v2) (local.get $v3)))
          (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 13)) (local.get $v0)))
          (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 16)) (local.get $v2)))
          (local.set $v0 (i64.rotl (local.get $v0) (i64.const 32)))
          (local.set $v2 (i64.add (local.get $v2) (local.get $v1)))
          (local.set $v0 (i64.add (local.get $v0) (local.get $v3)))
          (local.set $v1 (i64.xor (i64.rotl (local.get $v1) (i64.const 17)) (local.get $v2)))
          (local.set $v3 (i64.xor (i64.rotl (local.get $v3) (i64.const 21)) (local.get $v0)))
          (local.set $v2 (i64.rotl (local.get $v2) (i64.const 32)))
          (local.set $v0 (i64.xor (local.get $v0) (local.get $word)))
          (br_if $round (i32.gt_s (local.get $left) (i32.const -4))))
        (local.set $word (i64.xor (i64.xor (local.get $v0) (local.get $v1)) (i64.xor (local.get $v2) (local.get $v3))))
        (local.set $hash (i32.wrap_i64 (local.get $word)))
        (br_if $done (local.get $own))

        ;; Known to the image? An empty slot is zero.
        (local.set $table (i32.load offset=4 (i32.const 0x5eed)))
        (local.set $last (i32.load offset=8 (i32.const 0x5eed)))
        (local.set $slot (i32.and (local.get $hash) (local.get $last)))
        (block $unknown
          (loop $probe
            (local.set $place (i32.add (local.get $table) (i32.shl (local.get $slot) (i32.const 4))))
            (local.set $entry (i64.load (local.get $place)))
            (if (i64.eq (local.get $entry) (local.get $word)) (then
              (local.set $hash (i32.load offset=8 (local.get $place)))
              (br $done)))
            (br_if $unknown (i64.eqz (local.get $entry)))
            (local.set $slot (i32.and (i32.add (local.get $slot) (i32.const 1)) (local.get $last)))
            (br $probe)))
        (if (i32.eq (i32.load (i32.const 0x5eed)) (i32.const 1)) (then
          (local.set $key0 (i64.load offset=16 (i32.const 0x5eed)))
          (local.set $key1 (i64.load offset=24 (i32.const 0x5eed)))
          (local.set $own (i32.const 1))
          (br $keyed))))
      ;; An image that is made learns it, up to three quarters of the slots; then it has twice as many.
      (br_if $done (i32.load (i32.const 0x5eed)))
      (i64.store (local.get $place) (local.get $word))
      (i32.store offset=8 (local.get $place) (local.get $hash))
      (i32.store offset=12 (i32.const 0x5eed) (i32.add (i32.load offset=12 (i32.const 0x5eed)) (i32.const 1)))
      (br_if $done (i32.lt_u
        (i32.load offset=12 (i32.const 0x5eed))
        (i32.mul (i32.shr_u (i32.add (local.get $last) (i32.const 1)) (i32.const 2)) (i32.const 3))))
      (local.set $larger (memory.grow (i32.shr_u (i32.add (local.get $last) (i32.const 1)) (i32.const 11))))
      (if (i32.eq (local.get $larger) (i32.const -1)) (then
        (i32.store (i32.const 0x5eed) (i32.const 2))
        (br $done)))
      (local.set $larger (i32.shl (local.get $larger) (i32.const 16)))
      (local.set $from (local.get $table))
      (local.set $left (i32.add (local.get $table) (i32.shl (local.get $last) (i32.const 4))))
      (local.set $last (i32.add (i32.shl (local.get $last) (i32.const 1)) (i32.const 1)))
      (loop $move
        (local.set $entry (i64.load (local.get $from)))
        (if (i64.ne (local.get $entry) (i64.const 0)) (then
          (local.set $slot (i32.wrap_i64 (local.get $entry)))
          (loop $taken
            (local.set $slot (i32.and (local.get $slot) (local.get $last)))
            (local.set $place (i32.add (local.get $larger) (i32.shl (local.get $slot) (i32.const 4))))
            (local.set $slot (i32.add (local.get $slot) (i32.const 1)))
            (br_if $taken (i64.ne (i64.load (local.get $place)) (i64.const 0))))
          (i64.store (local.get $place) (local.get $entry))
          (i32.store offset=8 (local.get $place) (i32.load offset=8 (local.get $from)))))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (br_if $move (i32.le_u (local.get $from) (local.get $left))))
      ;; What is zero is no part of an image.
      (memory.fill (local.get $table) (i32.const 0) (i32.sub (local.get $from) (local.get $table)))
      (i32.store offset=4 (i32.const 0x5eed) (local.get $larger))
      (i32.store offset=8 (i32.const 0x5eed) (local.get $last)))

    ;; CPython has -1 for an error.
    (select (i32.const -2) (local.get $hash) (i32.eq (local.get $hash) (i32.const -1))))

  ;; Stands before the body of `_Py_KeyedHash`, which is `_imp.source_hash` of Python: by that word of code, and by nothing that
  ;; is hashed, the driver tells the key of a start. Only the first is heard: the copy of a start goes on with the key that it has.
  ;; A key of zeros only asks. The answer is the mode.
  (func (export "told") (param $for i64) (param $at i32) (param $length i32) (result i64)
    (if (i32.and (i64.eq (local.get $for) (i64.const 93)) (i32.eq (local.get $length) (i32.const 16))) (then
      (if (i32.and
          (i32.eqz (i32.load (i32.const 0x5eed)))
          (i64.ne (i64.or (i64.load align=1 (local.get $at)) (i64.load offset=8 align=1 (local.get $at))) (i64.const 0)))
        (then
          (i64.store offset=16 (i32.const 0x5eed) (i64.load align=1 (local.get $at)))
          (i64.store offset=24 (i32.const 0x5eed) (i64.load offset=8 align=1 (local.get $at)))
          (if (i32.load offset=32 (i32.const 0x5eed)) (then
            (i32.store (i32.load offset=32 (i32.const 0x5eed)) (i32.wrap_i64 (i64.mul
              (i64.load32_u offset=4 align=1 (local.get $at))
              (i64.or (i64.load offset=8 align=1 (local.get $at)) (i64.const 1)))))))
          (i32.store (i32.const 0x5eed) (i32.const 1))))
      (return (i64.load32_u (i32.const 0x5eed)))))
    (unreachable)))
