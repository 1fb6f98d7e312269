local xml = require "fairlead.xml"

local function refused(text, options)
  local _, err = try(xml.decode, text, options)
  assert.is_not_nil(err, "it was read")
  assert.equal("xml.syntax", err.kind)
  return err
end

describe("xml.decode", function()
  it("gives elements with their attributes and children in order", function()
    assert.same({
      name = "r:Answer", attributes = { ["xmlns:r"] = "urn:x", id = "<7>" },
      "\n ", { name = "Name", "Ünï & <co>" }, { name = "Empty" }, { name = "Empty" }, " tail",
    }, xml.decode('<?xml version="1.0"?><!-- c --><r:Answer xmlns:r="urn:x" id="&lt;7&gt;">\n '
      .. '<Name>Ünï &amp; <![CDATA[<co>]]></Name><Empty/><Empty></Empty><?pi x?> tail</r:Answer>\n'))
  end)

  it("keeps text whole that the parser hands over in pieces", function()
    local lines = {}
    for i = 1, 5000 do
      lines[i] = "line " .. i .. (i % 7 == 0 and " &amp;&#65;" or "")
    end
    local text <const> = table.concat(lines, "\n")
    local plain <const> = text:gsub("&amp;&#65;", "&A")
    assert.same({ name = "a", plain, { name = "b" }, plain }, xml.decode("<a>" .. text .. "<b/>" .. text .. "</a>"))
  end)

  it("reads the encodings that a document may be in, as UTF-8", function()
    local wide = {}
    for c in ("\u{FEFF}<a>é\u{1F600}</a>"):gmatch(utf8.charpattern) do
      wide[#wide + 1] = c == "\u{1F600}" and "\x3D\xD8\x00\xDE" or string.pack("<I2", utf8.codepoint(c))
    end
    assert.equal("é\u{1F600}", xml.decode(table.concat(wide))[1])
    assert.equal("é", xml.decode '<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>'[1])
    assert.matches("unknown encoding", tostring(refused '<?xml version="1.0" encoding="EBCDIC"?><a/>'))
    refused "<a>\xe9</a>"
    refused "<a>\0</a>"
    refused "<a>&#0;</a>"
  end)

  it("says where a text is wrong", function()
    local err <const> = refused "<a>\n<é><b></c></a>"
    assert.equal("xml.decode: line 2, column 9: mismatched tag", tostring(err))
    assert.same({ 2, 9 }, { err.line, err.column })
    assert.matches("line 1, column 1: no element found", tostring(refused ""))
    assert.matches("line 1, column 5: junk after document element", tostring(refused "<a/><b/>"))
    assert.matches("undefined entity", tostring(refused "<a>&nbsp;</a>"))
    refused '<a b="1" b="2"/>'
  end)

  it("refuses document types: bombs of entities, and entities that name files", function()
    local bomb = { '<!DOCTYPE a [<!ENTITY e0 "ha">' }
    for i = 1, 60 do
      bomb[#bomb + 1] = ('<!ENTITY e%d "&e%d;&e%d;">'):format(i, i - 1, i - 1)
    end
    bomb[#bomb + 1] = "]><a>&e60;</a>"
    local err <const> = refused(table.concat(bomb))
    assert.matches("document type %(<!DOCTYPE …>%) is refused", tostring(err))
    assert.equal(1, err.line)
    assert.matches("document type", tostring(refused
      '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'))
    assert.matches("document type", tostring(refused '<!DOCTYPE a SYSTEM "http://localhost/a.dtd"><a/>'))
  end)

  it("bounds depth and length", function()
    local function nested(depth) return ("<a>"):rep(depth) .. ("</a>"):rep(depth) end
    local element, depth = xml.decode(nested(64)), 0
    while element do
      element, depth = element[1], depth + 1
    end
    assert.equal(64, depth)
    assert.equal("xml.decode: line 1, column 193: nested too deep", tostring(refused(nested(65))))
    assert.is_table(xml.decode(nested(200), { max_depth = 200 }))
    assert.matches("nested too deep", tostring(refused(nested(1000000), { max_depth = 200 })))
    assert.is_table(xml.decode("<a></a>", { max_bytes = 7 }))
    assert.matches("8 bytes of XML are more than the 7", tostring(refused("<a></a> ", { max_bytes = 7 })))
  end)

  it("ends well on every beginning of a document, and on any byte in it", function()
    local text <const> = '<?xml version="1.0"?><a b="c">&lt;<![CDATA[x]]><d/>é<!-- e --></a>'
    for i = 0, #text - 1 do
      refused(text:sub(1, i))
    end
    local read = 0
    for i = 1, #text do
      for byte = 0, 255, 5 do
        local tree, err = try(xml.decode, text:sub(1, i - 1) .. string.char(byte) .. text:sub(i + 1))
        assert.is_true(tree ~= nil or err:is "xml.syntax")
        read = read + (tree and 1 or 0)
      end
    end
    assert.is_true(read > 100)
  end)

  it("tells misuse", function()
    assert.error_matches(function() xml.decode() end, "bad argument #1 to 'decode' %(string expected")
    assert.error_matches(function() xml.decode("<a/>", 5) end, "bad argument #2 to 'decode' %(table expected")
    assert.error_matches(function() xml.decode("<a/>", { max_depth = 201 }) end,
      "max_depth: a whole number from 1 to 200 expected")
    assert.error_matches(function() xml.decode("<a/>", { max_bytes = 0.5 }) end, "max_bytes: a whole number")
  end)
end)
