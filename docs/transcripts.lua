-- Takes the transcripts of pages anew: fairlead docs/transcripts.lua repl repl-a-release
--
-- Each page is followed as its spec does it. What is shown differently now is written into the page; what is like the
-- page's own, with its `…`, stays. Read the difference (git diff docs) before it is kept: it is what users will see.
package.path = "./?.lua;" .. package.path

local pages <const> = require "spec.support.pages"

for _, page in ipairs(arg) do pages.retake(page) end
