# How the demo shows things. What does not come out as it should is said at once, and again at the end.
failed=0
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
  bold= dim= plain=
fi

chapter() { printf '\n%s%s%s\n' "$bold" "━━ $1" "$plain"; }

wrong() {
  printf '!! %s\n' "$1"
  failed=1
}

# words WORD…: as one would type them
words() {
  local word
  for word; do
    if [[ "$word" =~ ^[A-Za-z0-9_./:=@,+-]+$ ]]; then printf ' %s' "$word"; else printf ' %s' "${word@Q}"; fi
  done
}

# show EXPECTED-CODE TITLE COMMAND…: the command, what it says, and whether it ended as it should
show() {
  local want=$1 title=$2
  shift 2
  printf '\n%s── %s\n$ ringfence%s%s\n' "$dim" "$title" "$(words "$@")" "$plain"
  "$ringfence" "$@"
  local got=$?
  if [ "$got" = "$want" ]; then
    [ "$got" = 0 ] || printf '   (exit code %s)\n' "$got"
  else
    wrong "exit code $got, expected $want"
  fi
}

# stopped EXPECTED-CODE LIMIT COMMAND…: one line of what stopped a hostile guest, which has to name the limit's flag
stopped() {
  local want=$1 limit=$2 said got
  shift 2
  said=$("$ringfence" "$@" 2>&1 >/dev/null <README.md | tail -1)
  got=$?
  printf '  %-15s %s\n' "$limit" "${said#*ringfence: }"
  [[ "$got" == "$want" && "$said" == *"--${limit//_/-}"* ]] || wrong "exit code $got: $limit is not what stopped it"
}

# call EXPECTED-STATUS TITLE ARGUMENTS-OF-CURL…
call() {
  local want=$1 title=$2 got
  shift 2
  printf '\n%s── %s\n$ curl%s%s\n' "$dim" "$title" "$(words "$@")" "$plain"
  got=$(curl -sS -m 60 -o "$work/answer" -w '%{http_code}' -H "X-API-Key: $key" "$@")
  cut -c1-500 "$work/answer"
  printf '\n   (status %s)\n' "$got"
  [ "$got" = "$want" ] || wrong "expected $want"
}

# spent COMMAND…: how many milliseconds it takes, the quickest of five
spent() {
  local best=999999 begin end took
  for _ in 1 2 3 4 5; do
    begin=$(date +%s%N)
    "$@" >/dev/null 2>&1
    end=$(date +%s%N)
    took=$(((end - begin) / 10000))
    [ "$took" -lt "$best" ] && best=$took
  done
  printf '%d.%02d' $((best / 100)) $((best % 100))
}
