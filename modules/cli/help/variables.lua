return [[
GH_TOKEN, GITHUB_TOKEN     the token for GitHub; without one, the GitHub App's, then the login of `gh`
FAIRLEAD_GITHUB_APP_ID, FAIRLEAD_GITHUB_APP_PRIVATE_KEY_FILE
                           a GitHub App that is installed in the repository, and the file of its private key
GITHUB_API_URL, GH_HOST    where GitHub is, if elsewhere: the address of its API, or its host as for `gh`
GH_ENTERPRISE_TOKEN, GITHUB_ENTERPRISE_TOKEN
                           the token for a GitHub Enterprise Server, before the other two
SLACK_BOT_TOKEN            the token for Slack; SLACK_API_URL where its API is, if elsewhere
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, AWS_REGION, AWS_DEFAULT_REGION,
AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME,
AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN,
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_V1_DISABLED,
AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE, AWS_METADATA_SERVICE_TIMEOUT,
AWS_METADATA_SERVICE_NUM_ATTEMPTS, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<SERVICE>,
AWS_IGNORE_CONFIGURED_ENDPOINT_URLS, AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_CA_BUNDLE,
AWS_MAX_ATTEMPTS, AWS_RETRY_MODE, AWS_NEW_RETRIES_2026
                           as in the AWS SDKs
HTTPS_PROXY, NO_PROXY      the way out; SSL_CERT_FILE certificate authorities to trust
NO_COLOR                   no colours; TERM=dumb: no live tree
GITHUB_ACTIONS             output for a workflow run; GITHUB_STEP_SUMMARY a file for its summary
FAIRLEAD_STATE             the folder of the journal; $XDG_STATE_HOME/fairlead or ~/.local/state/fairlead if not set
FAIRLEAD_PATH              more folders to find modules in, separated by colons

`fairlead doctor` tells which of them are in force, and whether what they say is right.
]]
