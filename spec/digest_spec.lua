local digest = require "fairlead.digest"

describe("digest", function()
  -- FIPS 180-4's examples, RFC 1321's, and RFC 4648's.
  it("gives the published examples", function()
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", digest.sha256 "abc")
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", digest.sha256 "")
    assert.equal("a9993e364706816aba3e25717850c26c9cd0d89d", digest.sha1 "abc")
    assert.equal("900150983cd24fb0d6963f7d28e17f72", digest.md5 "abc")
    for text, encoded in pairs { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foobar = "Zm9vYmFy" } do
      assert.equal(encoded, digest.base64(text))
      assert.equal(text, digest.unbase64(encoded))
    end
  end)

  it("takes all bytes", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    local text = table.concat(all)
    assert.equal(text, digest.unbase64(digest.base64(text)))
  end)

  it("says nil to what is not Base64", function()
    for _, text in ipairs { "Z", "Zg=", "Zg==\n", "=Zg=", "Z===", "Zm9v!bar", "Zm\0v" } do
      assert.is_nil((digest.unbase64(text)), text)
    end
  end)
end)
