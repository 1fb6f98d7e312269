-- The transcripts in docs/: what they type is typed into the program, and what they show is what it shows.
-- `fairlead docs/transcripts.lua PAGE` takes those of a page anew.
local pages = require "spec.support.pages"

describe("the transcripts of docs", function()
  for page in require "fairlead.sorted"(pages.with_transcripts) do
    it(page .. ".md are what happens", function() pages.follow(page) end)
  end
end)
