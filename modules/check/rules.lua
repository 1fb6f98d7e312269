--- What `fairlead check` looks for: the rules by name, as `-- fairlead: allow NAME` and the help have them.
---@type string[][] name, meaning
return {
  { "syntax", "the text is not Lua" },
  { "undefined-global", "a variable that nothing defines" },
  { "assigned-global", "an assignment without `local`" },
  { "unknown-module", "`require` of what is not there" },
  { "unknown-name", "a function, method or field that is not there" },
  { "unknown-option", "an option that the function does not take" },
  { "missing-option", "an option that the function needs" },
  { "wrong-value", "a word that is none of those expected" },
  { "step-without-already", "a step that cannot be taken up when it was interrupted" },
  { "wait-without-timeout", "a wait that would never end" },
  { "gate-without-timeout", "a question that would stay open" },
  { "unused-allow", "`-- fairlead: allow` where there is nothing to allow" },
}
