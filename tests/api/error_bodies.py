"""Errors as servers and gateways really write them: what each is, whether it may pass, and the words that count.

Delays are shortened, because tests wait them out.
"""

import json
from typing import Any, NamedTuple

from nbchat.values.errors import (
    AuthenticationFailed,
    ContextTooLong,
    ModelNotFound,
    ParameterRefused,
    QuotaExceeded,
    RateLimited,
    ServerError,
)


class Case(NamedTuple):
    """`words` occur in the sentence, `not_said` do not; `again`: a retry may help."""

    name: str
    status: int
    body: Any
    kind: type[ServerError]
    again: bool
    words: str
    not_said: str = "no credit"
    headers: dict[str, str] | None = None


def _openai(message, kind="invalid_request_error", param=None, code=None, **more):
    return {"error": {"message": message, "type": kind, "param": param, "code": code, **more}}


def _gemini(code, message, status, *details):
    return [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}]


_HELP = {
    "@type": "type.googleapis.com/google.rpc.Help",
    "links": [{"description": "Learn more about Gemini API quotas", "url": "https://ai.google.dev"}],
}
_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
_CLOUDFLARE = "<!DOCTYPE html>\n<!--[if lt IE 7]> <html class='no-js'> <![endif]-->\n<head><title>api.example.com | {}</title></head><body>…</body></html>"
SENT = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "Hello"}],
    "temperature": 1.5,
    "presence_penalty": 0.5,
    "max_tokens": 9000,
    "tools": [{"type": "function", "function": {"name": "make_payment"}}, {"function": {"name": "get_api_key"}}],
    "tool_choice": "auto",
    "stream": True,
}

A, C, M, P, Q, R, S = (
    AuthenticationFailed,
    ContextTooLong,
    ModelNotFound,
    ParameterRefused,
    QuotaExceeded,
    RateLimited,
    ServerError,
)

# fmt: off
CASES = [
    # OpenAI
    Case("openai key", 401, _openai("Incorrect API key provided: sk-ab***yz. You can find your API key at https://platform.openai.com/account/api-keys.", code="invalid_api_key"), A, False, "Set the right key"),
    Case("openai no credit", 429, _openai("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", code="insufficient_quota"), Q, False, "no credit left", "Wait"),
    Case("openai billing", 429, _openai("Your account is not active, please check your billing details on our website.", "billing_not_active", code="billing_not_active"), Q, False, "no credit left", "Wait"),
    Case("openai tokens a minute", 429, _openai("Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 15ms. You can increase your rate limit by adding a payment method to your account at https://platform.openai.com/account/billing.", "tokens", code="rate_limit_exceeded"), R, True, "adding a payment method"),
    Case("openai model", 404, _openai("The model `gpt-9` does not exist or you do not have access to it.", code="model_not_found"), M, False, "'gpt-4o' one of %chat models?", "base URL"),
    Case("openai project", 403, _openai("Project `proj_x` does not have access to model `gpt-4o`", code="model_not_found"), M, False, "one of %chat models?", "key"),
    Case("openai context", 400, _openai("This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages.", param="messages", code="context_length_exceeded"), C, False, "Shorten"),
    Case("openai parameter", 400, _openai("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", param="max_tokens", code="unsupported_parameter"), P, False, "max_tokens=none"),
    Case("openai value", 400, _openai("max_tokens is too large: 9000. This model supports at most 4096 completion tokens.", param="max_tokens"), P, False, "Give another value"),
    Case("openai tool with payment", 400, _openai("Invalid schema for function 'make_payment': In context=(), 'additionalProperties' is required to be supplied and to be false.", param="tools[0].function.parameters", code="invalid_function_parameters"), P, False, "make_payment"),
    Case("tool with payment, no code", 400, {"error": {"message": "Function make_payment: the payment schema is invalid"}}, S, False, "make_payment", "credit left"),
    Case("tool with a key, no code", 400, {"error": {"message": "Invalid schema for function 'get_api_key': schema must have type 'object'"}}, S, False, "get_api_key", "the right key"),
    Case("tool with a key, unquoted", 422, {"detail": "Function get_api_key has no description. Function get_billing_token neither."}, S, False, "get_api_key", "right key"),
    Case("openai region", 403, _openai("Country, region, or territory not supported", "request_forbidden", code="unsupported_country_region_territory"), A, False, "ask for access", "right key"),
    Case("openai scopes", 403, _openai("You have insufficient permissions for this operation. Missing scopes: model.request."), A, False, "ask for access", "right key"),
    Case("openai trouble", 500, _openai("The server had an error while processing your request. Sorry about that!", "server_error"), S, True, "Try again later"),
    Case("openai overload", 503, _openai("That model is currently overloaded with other requests. You can retry your request.", "server_error"), S, True, "Try again later"),
    Case("openai gateway", 502, "upstream connect error", S, True, "upstream connect error"),
    # Azure
    Case("azure key", 401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key or wrong API endpoint."}}, A, False, "Access denied"),
    Case("azure key, old", 401, {"statusCode": 401, "message": "Unauthorized. Access token is missing, invalid, or expired."}, A, False, "Access token is missing"),
    Case("azure deployment", 404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}, M, False, "does not exist. Is 'gpt-4o' one of %chat models?", "base URL"),
    Case("azure resource", 404, {"error": {"code": "404", "message": "Resource not found"}}, M, False, "base URL the API's"),
    Case("azure tokens a minute", 429, {"error": {"code": "429", "message": "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-02-01 have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 0.07 seconds. Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit."}}, R, True, "pricing tier"),
    Case("azure filter", 400, _openai("The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", None, "prompt", "content_filter", status=400, innererror={"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}}), S, False, "content management policy"),
    # Anthropic's compatible layer
    Case("anthropic key", 401, {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}, "request_id": "req_1"}, A, False, "invalid x-api-key"),
    Case("anthropic credit", 400, {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."}}, Q, False, "top it up"),
    Case("anthropic busy", 529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, S, True, "Overloaded"),
    Case("anthropic model", 404, {"type": "error", "error": {"type": "not_found_error", "message": "model: gpt-4o"}}, M, False, "one of %chat models?", "base URL"),
    Case("anthropic long", 400, _openai("prompt is too long: 210000 tokens > 200000 maximum"), C, False, "Shorten"),
    Case("anthropic large", 413, {"type": "error", "error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}}, C, False, "Shorten"),
    Case("anthropic rate", 429, {"type": "error", "error": {"type": "rate_limit_error", "message": "This request would exceed your organization's rate limit of 50,000 input tokens per minute. For details see your plan's billing page."}}, R, True, "50,000 input tokens"),
    Case("anthropic both", 400, _openai("`temperature` and `top_p` cannot both be specified for this model. Please use only one."), P, False, "temperature"),
    # Google's compatible layer
    Case("gemini rate", 429, _gemini(429, "You exceeded your current quota, please check your plan and billing details. Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 10", "RESOURCE_EXHAUSTED", {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]}, _HELP, {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.02s"}), R, True, "free_tier_requests"),
    Case("gemini rate, as one object", 429, {"error": {"code": 429, "message": "You exceeded your current quota, please check your plan and billing details.", "status": "RESOURCE_EXHAUSTED"}}, R, True, "check your plan"),
    Case("gemini key", 400, _gemini(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}), A, False, "right key"),
    Case("gemini no key", 403, _gemini(403, "Method doesn't allow unregistered callers (callers without established identity).", "PERMISSION_DENIED"), A, False, "unregistered callers"),
    Case("gemini model", 404, _gemini(404, "models/gemini-9 is not found for API version v1main, or is not supported for generateContent.", "NOT_FOUND"), M, False, "gemini-9 is not found"),
    Case("gemini busy", 503, _gemini(503, "The model is overloaded. Please try again later.", "UNAVAILABLE"), S, True, "overloaded"),
    Case("gemini place", 400, _gemini(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"), S, False, "User location"),
    # Groq
    Case("groq rate", 429, _openai("Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_x` service tier `on_demand` on tokens per day (TPD): Limit 100000, Used 99500, Requested 1200. Please try again in 20ms. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing", "tokens", code="rate_limit_exceeded"), R, True, "tokens per day"),
    Case("groq large", 413, _openai("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce your message size and try again.", "tokens", code="rate_limit_exceeded"), C, False, "Shorten"),
    Case("groq call", 400, _openai("Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.", code="tool_use_failed", failed_generation='{"name": "make_payment"}'), S, False, "adjust your prompt"),
    Case("groq retired", 400, _openai("The model `mixtral-8x7b-32768` has been decommissioned and is no longer supported.", code="model_decommissioned"), M, False, "one of %chat models?"),
    # OpenRouter
    Case("openrouter upstream rate", 429, {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": "google/gemma-3-27b-it:free is temporarily rate-limited upstream. Please retry shortly, or add your own key: https://openrouter.ai/settings/integrations", "provider_name": "Google AI Studio"}}, "user_id": "user_x"}, R, True, "temporarily rate-limited upstream", "Provider returned error"),
    Case("openrouter upstream json", 400, {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": json.dumps({"error": {"message": "temperature must be below 1", "code": 400}}), "provider_name": "X"}}}, P, False, "temperature must be below 1", "Provider returned error"),
    Case("openrouter credit", 402, {"error": {"message": "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 1234.", "code": 402}}, Q, False, "can only afford 1234", "Wait"),
    Case("openrouter key", 401, {"error": {"message": "No auth credentials found", "code": 401}}, A, False, "No auth credentials"),
    Case("openrouter id", 400, {"error": {"message": "gpt-9 is not a valid model ID", "code": 400}, "user_id": "x"}, M, False, "one of %chat models?", "base URL"),
    Case("openrouter endpoints", 404, {"error": {"message": "No endpoints found for x/y.", "code": 404}}, M, False, "No endpoints found", "base URL"),
    Case("openrouter images", 404, {"error": {"message": "No endpoints found that support image input", "code": 404}}, M, False, "Leave the images out", "base URL"),
    Case("openrouter moderation", 403, {"error": {"message": "gpt-4o requires moderation on OpenAI. Your input was flagged.", "code": 403, "metadata": {"reasons": ["harassment"], "flagged_input": "…"}}}, A, False, "Your input was flagged", "right key"),
    Case("openrouter gateway", 502, {"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": "Internal Server Error"}}}, S, True, "Internal Server Error"),
    # DeepSeek, Mistral, Together, Fireworks, Perplexity, xAI, Cohere, Cerebras
    Case("deepseek model", 400, _openai("Model Not Exist", code="invalid_request_error"), M, False, "Model Not Exist", "base URL"),
    Case("deepseek balance", 402, _openai("Insufficient Balance", "unknown_error", code="invalid_request_error"), Q, False, "top it up"),
    Case("deepseek key", 401, _openai("Authentication Fails, Your api key: ****abcd is invalid", "authentication_error", code="invalid_request_error"), A, False, "right key"),
    Case("mistral key", 401, {"message": "Unauthorized", "request_id": "1f"}, A, False, "Unauthorized"),
    Case("mistral field", 422, {"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "presence_penalty"], "msg": "Extra inputs are not permitted", "input": 1}]}, "type": "invalid_request_error", "param": None, "code": None}, P, False, "presence_penalty: Extra inputs are not permitted. Leave it unset"),
    Case("mistral model", 400, {"object": "error", "message": "Invalid model: mistral-x", "type": "invalid_model", "param": None, "code": "1500"}, M, False, "Invalid model: mistral-x. Is"),
    Case("mistral capacity", 429, {"object": "error", "message": "Service tier capacity exceeded for this model.", "type": "service_tier_capacity_exceeded", "param": None, "code": "3505"}, R, True, "Service tier capacity"),
    Case("together model", 404, _openai("Unable to access model x. Please visit https://api.together.ai/models to view the list of supported models.", code="model_not_available"), M, False, "Unable to access", "base URL"),
    Case("together long", 422, _openai("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8000 `inputs` tokens and 512 `max_new_tokens`"), C, False, "Shorten"),
    Case("fireworks model", 404, {"error": {"object": "error", "type": "invalid_request_error", "code": "NOT_FOUND", "message": "Model not found, inaccessible, and/or not deployed"}}, M, False, "one of %chat models?", "base URL"),
    Case("fireworks suspended", 412, {"error": "Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices."}, Q, False, "suspended", "Wait"),
    Case("perplexity page", 401, _PAGE.format("401 Authorization Required"), A, False, "401 Authorization Required"),
    Case("perplexity model", 400, {"error": {"message": "Invalid model 'x'. Permitted models can be found in the documentation.", "type": "invalid_model", "code": 400}}, M, False, "Permitted models"),
    Case("perplexity quota", 401, {"error": {"message": "You exceeded your current quota, please check your plan and billing details", "type": "insufficient_quota", "code": 401}}, Q, False, "top it up", "right key"),
    Case("perplexity order", 400, {"error": {"message": "Last message must have role `user` or `tool` (or `assistant` with `prefix` True).", "type": "invalid_message", "code": 400}}, S, False, "Last message must"),
    Case("xai key", 400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***yz. You can obtain an API key from https://console.x.ai."}, A, False, "Incorrect API key"),
    Case("xai credits", 429, {"code": "Some resource has been exhausted", "error": "Your team x has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits."}, Q, False, "top it up", "Wait"),
    Case("xai no credits", 403, {"code": "The caller does not have permission to execute the specified operation", "error": "Your newly created teams doesn't have any credits yet. You can purchase those on https://console.x.ai/team/x."}, Q, False, "top it up", "right key"),
    Case("xai model", 404, {"code": "Some requested entity was not found", "error": "The model grok-9 does not exist or your team x does not have access to it."}, M, False, "one of %chat models?", "base URL"),
    Case("xai argument", 400, {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: presencePenalty"}, P, False, "presence_penalty=none"),
    Case("cohere key", 401, {"id": "1", "message": "invalid api token"}, A, False, "invalid api token"),
    Case("cohere model", 404, {"id": "1", "message": "model 'x' not found, make sure the correct model ID was used and that you have access to the model."}, M, False, "one of %chat models?", "base URL"),
    Case("cohere trial", 429, {"message": "You are using a Trial key, which is limited to 10 API calls / minute. You can continue to use the Trial key for free or upgrade to a Production key with higher rate limits at 'https://dashboard.cohere.com/api-keys'."}, R, True, "Trial key", "right key"),
    Case("cerebras tokens", 429, {"message": "Tokens per minute limit exceeded - too many tokens processed.", "type": "too_many_tokens_error", "param": "quota", "code": "token_quota_exceeded"}, R, True, "Tokens per minute", "Shorten"),
    Case("cerebras model", 404, {"message": "Model x does not exist or you do not have access to it.", "type": "not_found_error", "param": "model", "code": "model_not_found"}, M, False, "one of %chat models?"),
    # Cloudflare's AI, GitHub, Hugging Face, NVIDIA, DeepInfra, Databricks, watsonx
    Case("cloudflare key", 401, {"result": None, "success": False, "errors": [{"code": 10000, "message": "Authentication error"}], "messages": []}, A, False, "Authentication error"),
    Case("cloudflare route", 404, {"success": False, "errors": [{"code": 7003, "message": "Could not route to /client/v4/accounts/x, perhaps your object identifier is invalid?"}, {"code": 7000, "message": "No route for that URI"}]}, M, False, "Could not route to"),
    Case("cloudflare model", 400, {"errors": [{"message": "AiError: AiError: No such model @cf/x or task", "code": 5007}], "success": False, "result": {}, "messages": []}, M, False, "No such model"),
    Case("github model", 400, {"error": {"code": "unknown_model", "message": "Unknown model: x", "details": "Unknown model: x"}}, M, False, "Unknown model: x"),
    Case("github rate", 429, {"error": {"code": "RateLimitReached", "message": "Rate limit of 10 per 60s exceeded for UserByModelByMinute. Please wait 0.03 seconds before retrying.", "details": "Rate limit of 10 per 60s"}}, R, True, "UserByModelByMinute"),
    Case("github large", 413, {"error": {"code": "tokens_limit_reached", "message": "Request body too large for gpt-4o model. Max size: 8000 tokens."}}, C, False, "Max size: 8000"),
    Case("hugging face loading", 503, {"error": "Model x is currently loading", "estimated_time": 20.0}, S, True, "currently loading"),
    Case("hugging face credits", 402, {"error": "You have exceeded your monthly included credits for Inference Providers. Subscribe to PRO."}, Q, False, "monthly included credits", "Wait"),
    Case("hugging face list", 422, {"error": ["Error in `parameters.top_p`: ensure this value is less than 1"]}, S, False, "ensure this value is less than 1"),
    Case("nvidia function", 404, {"status": 404, "title": "Not Found", "detail": "Function 'x': Not found for account 'y'"}, M, False, "Function 'x': Not found"),
    Case("nvidia retired", 410, {"status": 410, "title": "Gone", "detail": "The model 'x' has reached its end of life"}, M, False, "end of life"),
    Case("deepinfra", 404, {"detail": {"error": "Model is not available: x"}}, M, False, "Model is not available: x", "base URL"),
    Case("databricks", 403, {"error_code": "PERMISSION_DENIED", "message": "Invalid access token. [ReqId: 1]"}, A, False, "right key"),
    Case("databricks rate", 429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Exceeded workspace rate limit."}, R, True, "workspace rate limit"),
    Case("watsonx", 401, {"errors": [{"code": "authentication_token_not_valid", "message": "Failed to authenticate the request due to invalid token", "more_info": "https://x"}], "trace": "1", "status_code": 401}, A, False, "due to invalid token"),
    # LiteLLM
    Case("litellm key", 401, _openai("Authentication Error, No api key passed in.", "auth_error", "None", "401"), A, False, "No api key passed in"),
    Case("litellm database", 400, _openai("No connected db.", "no_db_connection", None, 400), A, False, "No connected db."),
    Case("litellm model", 400, _openai("/chat/completions: Invalid model name passed in model=foo. Call `/v1/models` to view available models for your key.", "None", "None", "400"), M, False, "one of %chat models?", "right key"),
    Case("litellm budget", 400, _openai("Budget has been exceeded! Current cost: 12.0, Max budget: 10.0", "budget_exceeded", None, "400"), Q, False, "Max budget", "Wait"),
    Case("litellm wraps", 429, _openai('litellm.RateLimitError: AnthropicException - {"type":"error","error":{"type":"rate_limit_error","message":"Number of requests has exceeded your plan"}}', None, None, "429"), R, True, "AnthropicException: Number of requests has exceeded your plan"),
    Case("litellm wraps bytes", 400, _openai('litellm.BadRequestError: VertexAIException - b\'{"error": {"code": 400, "message": "Unable to submit request", "status": "INVALID_ARGUMENT"}}\'', None, None, "400"), S, False, "VertexAIException: Unable to submit request", "INVALID"),
    Case("litellm 500", 500, _openai("litellm.APIConnectionError: Connection error.", None, None, "500"), S, True, "Connection error"),
    # one-api and new-api, 302.AI
    Case("one-api token", 401, {"error": {"message": "无效的令牌 (request id: 2024)", "type": "one_api_error"}}, A, False, "无效的令牌"),
    Case("new-api exhausted", 403, {"error": {"code": "", "message": "该令牌额度已用尽 TokenStatusExhausted[sk-ab***yz]", "type": "new_api_error"}}, Q, False, "额度已用尽", "right key"),
    Case("new-api channel", 503, {"error": {"code": "model_not_found", "message": "No available channel for model gpt-9 under group default (distributor)", "type": "new_api_error"}}, M, False, "one of %chat models?", "Try again later"),
    Case("new-api channel, no code", 503, {"error": {"message": "当前分组 default 下对于模型 gpt-9 无可用渠道", "type": "new_api_error"}}, M, False, "one of %chat models?", "later"),
    Case("new-api balance", 403, {"error": {"message": "用户额度不足, 剩余额度: 0", "type": "new_api_error", "code": "insufficient_user_quota"}}, Q, False, "top it up", "right key"),
    Case("one-api upstream", 500, {"error": {"message": "bad response status code 500 (request id: 1)", "type": "bad_response_status_code", "code": "bad_response_status_code"}}, S, True, "bad response status code"),
    Case("302 key", 401, {"error": {"err_code": -10001, "message": "Missing 302 Apikey, please view document https://302.ai", "message_cn": "缺少302 Apikey", "type": "api_error"}}, A, False, "Missing 302 Apikey"),
    # DashScope, Zhipu, MiniMax, Baidu, Moonshot, SiliconFlow, Volcengine, Tencent, iFlytek
    Case("dashscope key", 401, {"code": "InvalidApiKey", "message": "Invalid API-key provided.", "request_id": "1"}, A, False, "Invalid API-key"),
    Case("dashscope arrears", 400, {"code": "Arrearage", "message": "Access denied, please make sure your account is in good standing.", "request_id": "1"}, Q, False, "good standing"),
    Case("dashscope rate", 429, {"code": "Throttling.RateQuota", "message": "Requests rate limit exceeded, please try again later.", "request_id": "1"}, R, True, "Requests rate limit"),
    Case("dashscope long", 400, _openai("<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]", code="invalid_parameter_error"), C, False, "Shorten"),
    Case("zhipu model", 400, {"error": {"code": "1211", "message": "模型不存在，请检查模型代码。"}}, M, False, "模型不存在，请检查模型代码。 Is"),
    Case("zhipu arrears", 429, {"error": {"code": "1113", "message": "您的账户已欠费，请充值后重试。"}}, Q, False, "欠费", "Wait"),
    Case("zhipu rate", 429, {"error": {"code": "1302", "message": "您当前使用该API的并发数过高，请降低并发。"}}, R, True, "并发数过高"),
    Case("minimax key", 401, {"base_resp": {"status_code": 1004, "status_msg": "login fail: Please carry the API secret key"}, "choices": None}, A, False, "login fail"),
    Case("minimax balance", 400, {"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, Q, False, "insufficient balance"),
    Case("baidu token", 401, {"error_code": 110, "error_msg": "Access token invalid or no longer valid"}, A, False, "Access token invalid"),
    Case("baidu v2", 401, {"error": {"code": "invalid_iam_token", "message": "IAM Certification failed", "type": "invalid_request_error"}, "id": "as-1"}, A, False, "IAM Certification"),
    Case("moonshot suspended", 429, {"error": {"message": "Your account x is not active, current state: suspended due to insufficient balance, please recharge your account or check your plan and billing details", "type": "exceeded_current_quota_error"}}, Q, False, "recharge", "Wait"),
    Case("moonshot rate", 429, {"error": {"message": "Your account org-x request reached organization max RPM: 3, please try again after 0.01 seconds", "type": "rate_limit_reached_error"}}, R, True, "max RPM: 3"),
    Case("moonshot busy", 429, {"error": {"message": "The engine is currently overloaded, please try again later", "type": "engine_overloaded_error"}}, R, True, "engine is currently overloaded"),
    Case("moonshot model", 404, {"error": {"message": "Not found the model kimi-x or Permission denied", "type": "resource_not_found_error"}}, M, False, "Not found the model", "base URL"),
    Case("siliconflow text", 401, '"Api key is invalid"', A, False, ": Api key is invalid."),
    Case("siliconflow balance", 403, {"code": 30001, "message": "Sorry, your account balance is insufficient", "data": None}, Q, False, "top it up", "right key"),
    Case("siliconflow model", 400, {"code": 20012, "message": "Model does not exist. Please check it carefully.", "data": None}, M, False, "one of %chat models?"),
    Case("siliconflow busy", 503, {"code": 50505, "message": "Model service overloaded. Please try again later.", "data": None}, S, True, "overloaded"),
    Case("volcengine overdue", 403, {"error": {"code": "AccountOverdueError", "message": "The request failed because your account has an overdue balance.", "type": "Forbidden"}}, Q, False, "top it up", "right key"),
    Case("volcengine model", 404, {"error": {"code": "InvalidEndpointOrModel.NotFound", "message": "The model or endpoint x does not exist or you do not have access to it.", "type": "NotFound"}}, M, False, "one of %chat models?", "base URL"),
    Case("volcengine closed", 404, {"error": {"code": "ModelNotOpen", "message": "Your account has not activated the model doubao.", "type": "NotFound"}}, M, False, "not activated"),
    Case("tencent", 401, {"Response": {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "The provided credentials could not be validated."}, "RequestId": "1"}}, A, False, "credentials could not be validated"),
    Case("iflytek", 500, {"header": {"code": 10013, "message": "input content moderation failed", "sid": "1"}}, S, True, "moderation failed"),
    # vLLM, TGI, Ollama, llama.cpp, LM Studio, SGLang
    Case("vllm model", 404, {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "param": None, "code": 404}, M, False, "one of %chat models?", "base URL"),
    Case("vllm long", 400, {"object": "error", "message": "This model's maximum context length is 2048 tokens. However, you requested 3000 tokens in the messages, Please reduce the length of the messages.", "type": "BadRequestError", "param": None, "code": 400}, C, False, "Shorten"),
    Case("vllm key", 401, {"error": "Unauthorized"}, A, False, ": Unauthorized."),
    Case("vllm tools", 400, {"error": {"message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "type": "BadRequestError", "param": None, "code": 400}}, S, False, "--enable-auto-tool-choice"),
    Case("vllm images", 400, {"object": "error", "message": "At most 0 image(s) may be provided in one prompt.", "type": "BadRequestError", "code": 400}, S, False, "Leave the images out"),
    Case("vllm crash", 500, "Internal Server Error", S, True, "Internal Server Error"),
    Case("sglang refuses", 500, {"object": "error", "message": "The served model is not a multimodal model; images are not supported", "type": "InternalServerError", "code": 500}, S, False, "Leave the images out", "Try again later"),
    Case("tgi long", 422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 1000 `max_new_tokens`", "error_type": "validation"}, C, False, "Shorten"),
    Case("tgi busy", 429, {"error": "Model is overloaded", "error_type": "overloaded"}, R, True, "Model is overloaded"),
    Case("ollama model", 404, _openai('model "x" not found, try pulling it first', "api_error"), M, False, "try pulling it first", "base URL"),
    Case("ollama tools", 400, _openai("registry.ollama.ai/library/x does not support tools", "api_error"), P, False, "does not support tools"),
    Case("ollama memory", 500, _openai("model requires more system memory (5.6 GiB) than is available (3.2 GiB)", "api_error"), S, False, "more system memory", "Try again later"),
    Case("ollama crash", 500, _openai("llama runner process has terminated: signal: killed", "api_error"), S, True, "has terminated"),
    Case("llama.cpp long", 400, {"error": {"code": 400, "message": "the request exceeds the available context size, try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 4096}}, C, False, "Shorten"),
    Case("llama.cpp loading", 503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, S, True, "Loading model"),
    Case("llama.cpp key", 401, {"error": {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}}, A, False, "Invalid API Key"),
    Case("llama.cpp images", 500, {"error": {"code": 500, "message": "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj", "type": "server_error"}}, S, False, "Leave the images out", "Try again later"),
    Case("llama.cpp tools", 500, {"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}, P, False, "requires --jinja", "Try again later"),
    Case("llama.cpp path", 404, {"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}, M, False, "base URL the API's"),
    Case("llama.cpp grammar", 400, {"error": {"code": 400, "message": "Failed to parse grammar", "type": "invalid_request_error"}}, S, False, "Failed to parse grammar"),
    Case("lm studio none", 404, {"error": {"message": "No models loaded. Please load a model in the developer page or use the `lms load` command.", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}}, M, False, "lms load", "base URL"),
    Case("unknown model under 500", 500, {"error": {"message": "Unknown model: gpt-9"}}, M, False, "one of %chat models?", "Try again later"),
    Case("bad request under 500", 500, {"error": {"message": "'messages' must contain the word JSON", "type": "invalid_request_error", "code": None}}, S, False, "the word JSON", "Try again later"),
    Case("400 under 500", 500, {"error": {"message": "Upstream says no", "code": 400}}, S, False, "Upstream says no", "Try again later"),
    Case("429 under 500", 500, {"error": {"message": "Upstream is busy", "code": 429}}, R, True, "Upstream is busy"),
    # gateways and proxies
    *(Case(f"nginx {status}", status, _PAGE.format(words), S, True, words) for status, words in [(502, "502 Bad Gateway"), (503, "503 Service Temporarily Unavailable"), (504, "504 Gateway Time-out")]),
    Case("nginx 413", 413, _PAGE.format("413 Request Entity Too Large"), C, False, "Shorten"),
    Case("nginx 404", 404, _PAGE.format("404 Not Found"), M, False, "base URL the API's"),
    *(Case(f"cloudflare {status}", status, _CLOUDFLARE.format(f"{status}: {words}"), S, True, words) for status, words in [(520, "Web server is returning an unknown error"), (521, "Web server is down"), (522, "Connection timed out"), (523, "Origin is unreachable"), (524, "A timeout occurred"), (525, "SSL handshake failed"), (526, "Invalid SSL certificate"), (527, "Railgun Error"), (530, "Origin DNS error")]),
    Case("cloudflare short", 524, "error code: 524", S, True, "error code: 524"),
    Case("cloudflare limit", 429, "error code: 1015", R, True, "error code: 1015"),
    Case("cloudflare wall", 403, "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>", A, False, "a proxy, a VPN or a firewall", "right key"),
    Case("proxy 599", 599, "network connect timeout", S, True, "network connect timeout"),
    Case("haproxy", 503, "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n", S, True, "503 Service Unavailable"),
    Case("page without title", 502, "<html><head><script>a()</script></head><body><p>The backend is resting.</p></body></html>", S, True, "The backend is resting.", "a()"),
    Case("aws gateway", 504, {"message": "Endpoint request timed out"}, S, True, "timed out"),
    Case("aws forbidden", 403, {"Message": "User: arn:aws:x is not authorized to perform: bedrock:InvokeModel"}, A, False, "arn:aws:x is not authorized", "right key"),
    Case("aws throttles", 429, {"__type": "ThrottlingException", "Message": "Too many requests, please wait before trying again."}, R, True, "Too many requests"),
    Case("apigee key", 401, {"fault": {"faultstring": "Invalid ApiKey", "detail": {"errorcode": "oauth.v2.InvalidApiKey"}}}, A, False, "Invalid ApiKey"),
    Case("apigee quota", 429, {"fault": {"faultstring": "Rate limit quota violation. Quota limit exceeded. Identifier : x", "detail": {"errorcode": "policies.ratelimit.QuotaViolation"}}}, R, True, "Rate limit quota violation"),
    Case("wso2", 401, {"fault": {"code": 900901, "message": "Invalid Credentials", "description": "Access failure for API: /v1"}}, A, False, "Invalid Credentials"),
    Case("kong key", 401, {"message": "No API key found in request"}, A, False, "No API key found"),
    Case("kong route", 404, {"message": "no Route matched with those values"}, M, False, "base URL the API's"),
    Case("apim rate", 429, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 0.12 seconds."}, R, True, "Rate limit is exceeded"),
    Case("traefik", 404, "404 page not found\n", M, False, "base URL the API's"),
    Case("envoy", 503, "upstream connect error or disconnect/reset before headers. reset reason: connection failure", S, True, "reset reason"),
    Case("istio", 403, "RBAC: access denied", A, False, "RBAC: access denied", "right key"),
    Case("spring", 404, {"timestamp": "2026-01-01T00:00:00Z", "status": 404, "error": "Not Found", "path": "/v1/chat/completions"}, M, False, ": Not Found."),
    Case("nest", 401, {"statusCode": 401, "message": "Token has expired", "error": "Unauthorized"}, A, False, "Token has expired"),
    Case("problem+json", 403, {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "Quota tier B has no access to this model"}, A, False, "Quota tier B", "right key"),
    Case("laravel", 422, {"message": "The given data was invalid.", "errors": {"temperature": ["The temperature must be less than 1."]}}, P, False, "temperature: The temperature must be less than 1."),
    Case("portkey", 400, {"status": "failure", "message": "Either x-portkey-config or x-portkey-provider header is required"}, S, False, "x-portkey-provider"),
    Case("error true", 400, {"error": True, "message": "The queue is closed."}, S, False, ": The queue is closed.", "true"),
    Case("oauth", 401, {"error": "invalid_token", "error_description": "The token expired at noon"}, A, False, "The token expired at noon"),
    Case("aliyun xml", 403, '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>You have no right to access this object.</Message></Error>', A, False, "You have no right", "<"),
    Case("unknown form", 418, {"oops": {"why": "the teapot is short and stout"}}, S, False, "short and stout"),
]
