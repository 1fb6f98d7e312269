return [[
== sign
local signed = sigv4.sign {
  method = "GET", url = "https://sts.eu-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
  service = "sts", region = "eu-west-2", time = 1772442000,
  credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
}
print(signed.headers["X-Amz-Date"]) --> 20260302T090000Z
print(#signed.signature) --> 64

== presign
local url = sigv4.presign {
  method = "GET", url = "https://notes.s3.eu-west-2.amazonaws.com/today.txt", service = "s3", region = "eu-west-2",
  expires = 300, time = 1772442000, normalize_path = false, double_encode = false,
  credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
}
print(url:match "X%-Amz%-Expires=%d+") --> X-Amz-Expires=300
]]
