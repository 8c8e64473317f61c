"""The vCenters that discovery reads, and the hosts they manage."""

from django.db import models

from config.schema.constraints import at_least, begins_with, filled, known, true_or_unset
from config.schema.fields import CodeField
from inventory.models.base import Stamped, Versioned
from inventory.models.tenancy import Organization
from inventory.secret_fields import SecretField


class TlsPolicy(models.TextChoices):
    VERIFY = "verify", "verify the certificate"
    PINNED = "pinned", "trust this thumbprint"
    INSECURE = "insecure", "do not verify"


class Vcenter(Stamped, Versioned):
    """A source of virtual machines. Its credentials are sent to its own host only."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="vcenters")
    name = CodeField(max_length=128)
    host = models.CharField(max_length=255, null=True, blank=True, help_text="Unknown where only workbooks were read.")
    port = models.IntegerField(default=443, db_default=443)
    datacenter = models.CharField(max_length=255, null=True, blank=True, help_text="Empty: all datacenters.")
    username = models.CharField(max_length=255, null=True, blank=True)
    password = SecretField(null=True, blank=True)
    tls_policy = CodeField(
        "TLS policy", max_length=64, choices=TlsPolicy, default=TlsPolicy.VERIFY, db_default=TlsPolicy.VERIFY
    )
    ca_certificate = models.TextField(
        "CA certificate", null=True, blank=True, help_text="PEM; empty: the machine's own authorities."
    )
    thumbprint = CodeField(max_length=128, null=True, blank=True, help_text="SHA-256 of the certificate, in hex.")
    instance_uuid = CodeField("instance UUID", max_length=64, null=True, blank=True, editable=False)
    is_default = models.BooleanField(null=True, blank=True)

    class Meta:
        db_table = "vcenters"
        verbose_name = "vCenter"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="vcenters_name_per_organization"),
            models.UniqueConstraint(fields=["organization", "is_default"], name="vcenters_one_default"),
            models.UniqueConstraint(fields=["organization", "instance_uuid"], name="vcenters_one_per_instance"),
            known("vcenters", "tls_policy", TlsPolicy),
            filled(
                "vcenters", "name", "host", "datacenter", "username", "ca_certificate", "thumbprint", "instance_uuid"
            ),
            true_or_unset("vcenters", "is_default"),
            models.CheckConstraint(
                condition=models.Q(port__gte=1, port__lte=65535),
                name="vcenters_port_valid",
                violation_error_message="A port is from 1 to 65535.",
            ),
            models.CheckConstraint(
                condition=~models.Q(tls_policy=TlsPolicy.PINNED) | models.Q(thumbprint__isnull=False),
                name="vcenters_pinned_has_thumbprint",
                violation_error_message="Give the thumbprint that is to be trusted.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Host(Stamped):
    """A hypervisor node as its vCenter knows it."""

    vcenter = models.ForeignKey(Vcenter, on_delete=models.PROTECT, related_name="hosts", verbose_name="vCenter")
    identity = CodeField(max_length=512, help_text="moref: or name: and the value.")
    moref = CodeField(max_length=64, null=True, blank=True)
    name = models.CharField(max_length=255)
    cpu_cores = models.IntegerField("CPU cores", null=True, blank=True)
    cpu_mhz = models.IntegerField("CPU MHz", null=True, blank=True, help_text="Clock of one core.")
    memory_mb = models.BigIntegerField("memory (MB)", null=True, blank=True)
    version = models.CharField(max_length=255, null=True, blank=True)
    vendor = models.CharField(max_length=255, null=True, blank=True)
    model = models.CharField(max_length=255, null=True, blank=True)
    in_maintenance = models.BooleanField(null=True, blank=True)
    missing_since = models.DateTimeField(
        null=True, blank=True, help_text="Not seen since; empty: the newest complete run of its vCenter saw it."
    )

    class Meta:
        db_table = "hosts"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["vcenter", "identity"], name="hosts_identity_per_vcenter"),
            models.UniqueConstraint(fields=["vcenter", "moref"], name="hosts_moref_per_vcenter"),
            begins_with("hosts", "identity_form", "identity", "moref:", "name:"),
            filled("hosts", "name", "moref", "version", "vendor", "model"),
            at_least("hosts", 1, "cpu_cores", "cpu_mhz", "memory_mb"),
        ]

    def __str__(self) -> str:
        return self.name
