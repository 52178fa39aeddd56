;; E01, E03: exceptions, which live in a heap of the host's collector: thrown without end, kept in a chain, let go at once.
(component
  (core module $m
    (tag $link (param i64 exnref))
    (tag $other)
    (func $thrown (param $before exnref) (result exnref)
      (block $caught (result exnref)
        (try_table (catch_all_ref $caught) (throw $link (i64.const 1) (local.get $before)))
        (unreachable)))
    (func $chain (param $links i64) (local $last exnref)
      (loop $again
        (local.set $last (call $thrown (local.get $last)))
        (local.set $links (i64.sub (local.get $links) (i64.const 1)))
        (br_if $again (i64.ne (local.get $links) (i64.const 0)))))
    (func (export "for-ever") (loop $again (drop (call $thrown (ref.null exn))) (br $again)))
    (func (export "keep") (call $chain (i64.const -1)))
    (func (export "let-go") (param i64) (loop $again (call $chain (local.get 0)) (br $again)))
    ;; From as deep as the stack goes, past handlers that do not take it, to the top, and down again.
    (func $deep (param $down i64)
      (block $not-it
        (try_table (catch $other $not-it)
          (if (i64.eqz (local.get $down)) (then (throw $link (i64.const 1) (ref.null exn))))
          (call $deep (i64.sub (local.get $down) (i64.const 1))))
        (return)))
    (func (export "from-deep") (param i64)
      (loop $again
        (block $caught (try_table (catch_all $caught) (call $deep (local.get 0))))
        (br $again)))
    (func (export "uncaught") (throw $other)))
  (core instance $i (instantiate $m))
  (func (export "for-ever") (canon lift (core func $i "for-ever")))
  (func (export "keep") (canon lift (core func $i "keep")))
  (func (export "let-go") (param "links" s64) (canon lift (core func $i "let-go")))
  (func (export "from-deep") (param "down" s64) (canon lift (core func $i "from-deep")))
  (func (export "uncaught") (canon lift (core func $i "uncaught"))))
