"""The description of the HTTP API: what each route takes and answers, made from the models that check it."""
