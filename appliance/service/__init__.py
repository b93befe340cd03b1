"""The imperative shell: observe, decide, record, act. Everything that changes state goes through the recorder."""
