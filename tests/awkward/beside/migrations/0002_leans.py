from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("beside", "0001_beside"), ("staged", "0003_drop_old")]
    operations = [migrations.AddField("beside", "note", models.CharField(max_length=40, null=True))]
