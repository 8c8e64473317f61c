from django.db import migrations, models


class Migration(migrations.Migration):
    stage = "before"
    dependencies = [("staged", "0001_thing")]
    operations = [migrations.AddField("thing", "new", models.CharField(max_length=40, null=True))]
