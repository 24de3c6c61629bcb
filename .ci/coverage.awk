# A table of lines and branches reached, by room and module, from what `llvm-cov export
# -format=lcov` says.
#
#   awk -v root=FOLDER/ -v asked=Tests/coverage.txt -f .ci/coverage.awk lcov.info
#
# It fails where a threshold is not kept or missing. The condition of an assertion is no branch:
# only a bug of our own takes its other side. Neither is a canary's, which is a constant here, nor
# what stands behind it in its line; and what only a canary does is no line.

BEGIN {
  while ((getline <asked) > 0) {
    if ($1 ~ /^#/ || NF == 0) continue
    wanted[$1] = 1
    least_lines[$1] = $2
    least_branches[$1] = $3
  }
}

# Which lines of a source belong to assertions, or to what only a canary does.
function read_source(path,   line, n, inside, indent) {
  delete only_canary
  delete assertion
  delete canary
  while ((getline line <path) > 0) {
    n++
    if (line ~ /WEIR_ASSERT\(/) inside = 1
    if (line ~ /if \(WEIR_CANARY\(/) assertion[n] = 1
    if (line ~ /WEIR_CANARY\(/) canary[n] = 1
    match(line, /^ */)
    if (indent != "" && (RLENGTH > indent || line ~ /^ *\}$/)) only_canary[n] = 1
    if (indent != "" && RLENGTH <= indent) indent = ""
    if (line ~ /if \(WEIR_CANARY\(.*\{$/) indent = RLENGTH
    if (inside) assertion[n] = 1
    if (line ~ /;/) inside = 0
  }
  close(path)
}

function add(name) {
  lines[name] += file_lines
  met[name] += file_met
  branches[name] += file_branches
  taken[name] += file_taken
}

function percent(part, all) { return all == 0 ? 100 : int(1000 * part / all) / 10 }

/^SF:/ {
  path = substr($0, 4)
  ours = index(path, root "CCore/") == 1 || index(path, root "Sources/") == 1
  file_lines = file_met = file_branches = file_taken = 0
  if (ours) read_source(path)
}

ours && /^DA:/ {
  split(substr($0, 4), field, ",")
  if (field[1] in only_canary) next
  file_lines++
  file_met += field[2] > 0
}

ours && /^BRDA:/ {
  split(substr($0, 6), field, ",")
  if (field[1] in assertion || (field[1] in canary && field[4] == "-")) next
  file_branches++
  file_taken += field[4] != "-" && field[4] > 0
}

ours && /^end_of_record/ {
  path = substr(path, length(root) + 1)
  split(path, part, "/")
  add(part[1] "/" part[2])
  if (path in wanted) add(path)
}

END {
  for (name in wanted) {
    if (name in lines) continue
    printf "%s: no such room, module or file\n", name
    bad = 1
  }
  for (name in lines) {
    verdict = ""
    of_lines = percent(met[name], lines[name])
    of_branches = percent(taken[name], branches[name])
    if (of_lines < least_lines[name] || of_branches < least_branches[name]) verdict = "TOO FEW"
    if (!(name in wanted)) verdict = "NO THRESHOLD"
    if (verdict != "") bad = 1
    printf "%-34s %5.1f %% of %5d lines  %5.1f %% of %5d branches  %s\n", name, of_lines,
      lines[name], of_branches, branches[name], verdict | "sort"
  }
  close("sort")
  exit bad
}
