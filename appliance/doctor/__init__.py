"""Looks at everything that must be right on this host, and says what to do about what is not."""

from appliance.doctor.examination import examine
from appliance.doctor.findings import Examined, Finding, Level, worst
from appliance.doctor.host import Host

__all__ = ["Examined", "Finding", "Host", "Level", "examine", "worst"]
