std = "lua54"
max_line_length = 120
read_globals = { "try", "secret", "breakpoint" }
files["spec/**/*.lua"] = { std = "+busted" }
files["modules/*/meta.lua"] = { ignore = { "211", "212", "241", "631" } }
files["host/src/boot.lua"] = { globals = { "coroutine", "dofile", "load", "loadfile", "require" } }
exclude_files = { "build/**" }
