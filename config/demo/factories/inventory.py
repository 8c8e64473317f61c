"""vCenters, hosts and VM contexts with what they are made of."""

from typing import Any

from factory import LazyAttribute, LazyFunction, RelatedFactory, SelfAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory

from config.demo.chance import chance
from config.demo.factories.tenancy import OrganizationFactory
from inventory.identifiers import slug, stamp
from inventory.models import (
    Firmware,
    HolderKind,
    Host,
    OperationClaim,
    PowerState,
    ProvisioningType,
    Vcenter,
    VMContext,
    VMDisk,
    VMNetworkInterface,
)

GIB = 2**30


class VcenterFactory(DjangoModelFactory):
    class Meta:
        model = Vcenter

    organization = SubFactory(OrganizationFactory)
    name = Sequence(lambda n: f"vcenter-{n}")
    host = LazyAttribute(lambda made: f"{slug(made.name)}.example.com")
    datacenter = "Main"
    username = "recovery@vsphere.local"


class HostFactory(DjangoModelFactory):
    class Meta:
        model = Host

    vcenter = SubFactory(VcenterFactory)
    moref = Sequence(lambda n: f"host-{n}")
    identity = LazyAttribute(lambda made: f"moref:{made.moref}" if made.moref else f"name:{made.name}")
    name = Sequence(lambda n: f"esx-{n:02}.example.com")
    cpu_cores = 32
    cpu_mhz = 2600
    memory_mb = 262_144
    version = "8.0.3"
    vendor = "Dell Inc."
    model = "PowerEdge R650"
    in_maintenance = False


def strongest_identity(made: Any) -> str:
    for kind, value in (("uuid", made.instance_uuid), ("moref", made.moref)):
        if value:
            return f"{kind}:{value}"
    return f"name:{made.name}"


class VMContextFactory(DjangoModelFactory):
    """A VM with its claim, which is free; `operation_claim__held=True` has a job hold it. It has no disks yet."""

    class Meta:
        model = VMContext
        skip_postgeneration_save = True

    vcenter = SubFactory(VcenterFactory)
    host = SubFactory(HostFactory, vcenter=SelfAttribute("..vcenter"))
    name = Sequence(lambda n: f"vm-{n:04}")
    context_id = LazyAttribute(lambda made: chance.identifier("ctx", slug(made.name), stamp(chance.now())))
    instance_uuid = LazyFunction(chance.uuid)
    moref = Sequence(lambda n: f"vm-{n}")
    identity = LazyAttribute(strongest_identity)
    path = LazyAttribute(lambda made: f"/Main/vm/{made.name}")
    datacenter = "Main"
    cpu_count = 2
    memory_mb = 4096
    os_type = "ubuntu64Guest"
    vm_tools_version = "12352"
    display_name = SelfAttribute("name")
    power_state = PowerState.ON
    vmware_uuid = LazyFunction(chance.uuid)
    firmware = Firmware.EFI
    is_template = False
    change_tracking = True
    added_by = "factory"

    operation_claim = RelatedFactory("config.demo.factories.OperationClaimFactory", factory_related_name="vm_context")


class OperationClaimFactory(DjangoModelFactory):
    """The claim of a new VM; for a VM that exists, the claim exists too. `held=True` has a job hold it."""

    class Meta:
        model = OperationClaim

    class Params:
        held = Trait(
            fence=1,
            holder_kind=HolderKind.REPLICATION,
            holder_id=LazyFunction(lambda: chance.identifier("job", stamp(chance.now()))),
            taken_at=LazyFunction(lambda: chance.ago(minutes=5)),
            heartbeat_at=LazyFunction(lambda: chance.ago(seconds=10)),
            lease_seconds=120,
        )

    vm_context = SubFactory(VMContextFactory, operation_claim=None)


class VMDiskFactory(DjangoModelFactory):
    """A disk as discovery leaves it: no job, no change id."""

    class Meta:
        model = VMDisk

    vm_context = SubFactory(VMContextFactory)
    device_key = Sequence(lambda n: 2000 + n)
    disk_id = LazyAttribute(lambda made: f"disk-{made.device_key}")
    datastore = "datastore1"
    vmdk_path = LazyAttribute(
        lambda made: f"[{made.datastore}] {made.vm_context.name}/{made.vm_context.name}_{made.device_key}.vmdk"
    )
    label = LazyAttribute(lambda made: f"Hard disk {made.device_key - 1999}")
    provisioning_type = ProvisioningType.THIN
    controller_key = 1000
    unit_number = LazyAttribute(lambda made: max(made.device_key - 2000, 0))
    capacity_bytes = 40 * GIB


class VMNetworkInterfaceFactory(DjangoModelFactory):
    class Meta:
        model = VMNetworkInterface

    vm_context = SubFactory(VMContextFactory)
    nic_key = Sequence(lambda n: f"key:{4000 + n}")
    label = "Network adapter 1"
    source_network_name = "VM Network"
    mac_address = Sequence(lambda n: f"00:50:56:{n >> 16 & 63:02x}:{n >> 8 & 255:02x}:{n & 255:02x}")
    adapter_type = "vmxnet3"
    connected = True
