"""Who may do what: roles, sign-in with a second factor, and the audit of what people change."""
