from durable.cli.main import main

main()
