"""Events on their way to a SIEM: as syslog, one after the other, none left out."""
