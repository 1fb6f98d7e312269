return [[
GH_TOKEN, GITHUB_TOKEN     the token for GitHub; GITHUB_API_URL where its API is, if elsewhere
SLACK_BOT_TOKEN            the token for Slack; SLACK_API_URL where its API is, if elsewhere
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, AWS_REGION, AWS_DEFAULT_REGION,
AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<SERVICE>
                           as in the AWS SDKs
HTTPS_PROXY, NO_PROXY      the way out; SSL_CERT_FILE certificate authorities to trust
NO_COLOR                   no colours; TERM=dumb: no live tree
GITHUB_ACTIONS             output for a workflow run; GITHUB_STEP_SUMMARY a file for its summary
FAIRLEAD_STATE             the folder of the journal; $XDG_STATE_HOME/fairlead or ~/.local/state/fairlead if not set
FAIRLEAD_PATH              more folders to find modules in, separated by colons

`fairlead doctor` tells which of them are in force, and whether what they say is right.
]]
