"""Who signs in, the organisations they belong to with a role, and the keys of programs."""

import django.contrib.auth.models
import django.contrib.auth.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import config.schema.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("first_name", models.CharField(blank=True, max_length=150, verbose_name="first name")),
                ("last_name", models.CharField(blank=True, max_length=150, verbose_name="last name")),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="email address")),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                ("date_joined", models.DateTimeField(default=django.utils.timezone.now, verbose_name="date joined")),
                (
                    "username",
                    config.schema.fields.CodeField(
                        error_messages={"unique": "A user with that username already exists."},
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                    ),
                ),
                (
                    "locked_at",
                    models.DateTimeField(blank=True, help_text="Since when this account may not sign in.", null=True),
                ),
                ("lock_reason", models.CharField(blank=True, max_length=255, null=True)),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, help_text="From when on this account may not sign in.", null=True),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "db_table": "users",
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("username", ""), _negated=True),
                        name="users_text_filled",
                        violation_error_message="A user has a name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("lock_reason__isnull", True), ("locked_at__isnull", False), _connector="OR"
                        ),
                        name="users_lock_reason_of_a_lock",
                        violation_error_message="Only a locked account has a reason for its lock.",
                    ),
                ],
            },
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="Organization",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("name", config.schema.fields.CodeField(max_length=128, unique=True)),
                ("slug", config.schema.fields.CodeField(max_length=64, unique=True)),
                (
                    "is_default",
                    models.BooleanField(
                        blank=True,
                        help_text="Discovery without --organization works for this one.",
                        null=True,
                        unique=True,
                    ),
                ),
            ],
            options={
                "db_table": "organizations",
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("slug"), 0),
                        ),
                        name="organizations_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, slug.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("is_default__in", [True]), ("is_default__isnull", True), _connector="OR"),
                        name="organizations_is_default_true_or_unset",
                        violation_error_message="is_default is either set or left out.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                (
                    "role",
                    config.schema.fields.CodeField(
                        choices=[("admin", "Admin"), ("operator", "Operator"), ("viewer", "Viewer")], max_length=64
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="inventory.organization",
                    ),
                ),
            ],
            options={
                "db_table": "memberships",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "user"), name="memberships_one_role_per_organization"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["admin", "operator", "viewer"])),
                        name="memberships_role_known",
                        violation_error_message="role is one of: admin, operator, viewer.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_default=config.schema.fields.UtcNow(), editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True, db_default=config.schema.fields.UtcNow())),
                ("name", config.schema.fields.CodeField(max_length=128)),
                (
                    "prefix",
                    config.schema.fields.CodeField(
                        help_text="The first characters, to recognise the key by.", max_length=64, unique=True
                    ),
                ),
                ("digest", config.schema.fields.CodeField(editable=False, max_length=64, unique=True)),
                ("scopes", models.JSONField(blank=True, default=list)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to="inventory.organization",
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "db_table": "api_keys",
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "name"), name="api_keys_name_per_organization"),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("name"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("prefix"), 0),
                            django.db.models.lookups.GreaterThan(django.db.models.functions.text.Length("digest"), 0),
                        ),
                        name="api_keys_text_filled",
                        violation_error_message="Leave what is unknown unset; none of these may be empty: name, prefix, digest.",
                    ),
                ],
            },
        ),
    ]
