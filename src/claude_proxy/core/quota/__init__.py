"""What is left at a provider: the windows of a plan and the balance of an account.

quota_report  the values, as `status` shows them
"""
