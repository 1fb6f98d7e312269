return [[
--json prints one object a line, keys sorted. Each has at (unix seconds), run and event; those of a step have path
("Staging/Deployment") and step ("Deployment").

run.started     procedure, summary, parameters, plan, mode (run, dry-run, rehearsal), attempt (2 and more: taken up)
step.started    kind (stage, step, wait, gate), intent, deadline, attempt (2 and more: once more, from the debugger)
step.finished   status (done, failed, refused, cancelled, stopped), elapsed, error, reason
step.skipped    why (already, recorded, dry run, by hand), by, would, note, elapsed
wait.progress   text, fraction, expected, traffic, error, since, deadline, checks; in line: position, ticket
gate.asked      question, evidence, digest, approvers, via, deadline
gate.decided    decision (approved, refused, timeout, voided), by, why, via, digest
lock.taken      lock, reason, until, token, waited, again (the same run had it before)
lock.released   lock, token, held, why (done, or how it was lost: lapsed, stolen, unlocked, taken; failed)
http.request    method, url, status, error, elapsed, attempt
note            kind (say, warning, notify, live, fact, prompt, stopped: a debugger holds it there), text, live
run.finished    outcome, reason, exit_code, elapsed, error, hint, failed (a path), not_done, live, facts;
                resume (the command that takes it up);
                of a dry run also stopped, not_reached

run.finished is always the last line, also when the run never began.
]]
